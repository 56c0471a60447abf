import { finding } from '../../checks/finding.ts'
import type { Problem } from '../../errors.ts'
import type { Format } from '../../migration.ts'

/** Lines that begin the way back in a file of another tool: whoever runs such a file as a whole runs that as well. */
const marks: readonly (readonly [RegExp, Format])[] = [
  [/^---- create above \/ drop below ----[ \t]*$/m, 'tern'],
  [/^--[ \t]*migrate:down\b.*$/m, 'dbmate'],
  [/^--[ \t]*\+goose[ \t]+down\b.*$/im, 'goose'],
  [/^--[ \t]*\+migrate[ \t]+Down\b.*$/m, 'sql-migrate'],
  [/^[ \t]*--[ \t-]*down[ \t]+migration[ \t]*$/im, 'node-pg-migrate'],
]

/** Refuses a file of ours that has such a line; `line` is that of the text's beginning, from 1. */
export function refuseForeignMarks(file: string, text: string, line = 1): Problem[] {
  return marks.flatMap(([pattern, format]) => {
    const found = pattern.exec(text)
    if (!found) return []
    const at = line + text.slice(0, found.index).split('\n').length - 1
    const place = { file, line: at, column: 1, text: found[0] }
    const what = `${format} begins the way back with this line, and here it would run with the rest`
    return finding(
      'directive',
      what,
      place,
      `Set UPFRONT_FORMAT=${format} when it is a folder of that tool; else remove the line.`,
    )
  })
}
