/** A comment `-- atlas:<name> <value>`, at its line from 1. */
export interface Directive {
  readonly name: string
  readonly value: string
  readonly line: number
}

const shape = /^([ -~]*)atlas:(\w+)(?: +(.+))?/

/**
 * The directives of a file: they are comments at its top, and a blank line separates them from the first statement, of
 * which they would be comments otherwise.
 */
export function fileDirectives(text: string): readonly Directive[] {
  const lines = text.split('\n')
  const end = lines.findIndex((line) => !/^(#|--)/.test(line))
  const next = lines[end]
  const isSeparate = end === -1 || next!.trim() === ''
  if (!isSeparate) return []
  return lines.slice(0, end === -1 ? undefined : end).flatMap((line, i): Directive | [] => {
    const [, , name, value = ''] = shape.exec(line.trim()) ?? []
    return name === undefined ? [] : { name, value, line: i + 1 }
  })
}

/** What separates statements, which is read from the first line alone; undefined where it says nothing. */
export function delimiterOf(text: string): string | undefined {
  const [, prefix, name, value = ''] = shape.exec(text) ?? []
  return prefix === '-- ' && name === 'delimiter' ? value : undefined
}
