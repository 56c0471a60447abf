import type { Problem } from '../../../errors.ts'

/** What the file `<migration>.sql.conf` beside a migration says. */
export interface ScriptConfig {
  readonly outside: boolean
  readonly replacesPlaceholders: boolean
  readonly isExecuted: boolean
  readonly problems: readonly Problem[]
}

const known = ['executeInTransaction', 'placeholderReplacement', 'shouldExecute', 'encoding']
const unicode = /^utf-?8$/i

/** Reads it; null stands for none. What flyway refuses, and what would need its settings to be understood, is a problem. */
export function readScriptConfig(text: string | null, file: string): ScriptConfig {
  const values = properties(text ?? '')
  const problems: Problem[] = []
  for (const [key, value] of values) {
    if (!known.includes(key))
      problems.push({ what: `${file}: ${key} is no setting of a script`, next: `Flyway knows ${known.join(', ')}.` })
    else if (key === 'encoding' && !unicode.test(value))
      problems.push({ what: `${file}: the encoding is ${value}`, next: 'Upfront reads UTF-8: convert the file.' })
    else if (key !== 'encoding' && !/^(true|false)$/i.test(value))
      problems.push({ what: `${file}: ${key} is neither true nor false: ${value}`, next: 'Write true or false.' })
  }
  const is = (key: string) => values.get(key)?.toLowerCase() !== 'false'
  return {
    outside: !is('executeInTransaction'),
    replacesPlaceholders: is('placeholderReplacement'),
    isExecuted: is('shouldExecute'),
    problems,
  }
}

/** The lines `key=value` of a Java properties file. */
function properties(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim())
  return new Map(
    lines
      .filter((line) => line !== '' && !/^[#!]/.test(line))
      .map((line) => {
        const [, key = line, value = ''] = /^([^=:\s]+)\s*[=:\s]\s*(.*)$/.exec(line) ?? []
        return [key, value]
      }),
  )
}
