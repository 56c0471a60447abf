import type { Problem } from '../errors.ts'

/** What GitHub Actions shows beside the lines of a pull request. */
export function annotations(level: 'error' | 'warning' | 'notice', problems: readonly Problem[]): string[] {
  return problems.map(({ what, place, next, rule }) => {
    const properties = {
      ...(place ? { file: place.file, line: String(place.line), col: String(place.column) } : {}),
      ...(rule ? { title: rule } : {}),
    }
    const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`)
    return `::${level}${list.length > 0 ? ` ${list.join(',')}` : ''}::${escapeData(next ? `${what}\n${next}` : what)}`
  })
}

/** As actions/toolkit does it: a newline would end the command. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
