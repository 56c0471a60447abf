import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import { groupBy } from './group-by.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'
import { isOpenBefore } from './open-statement.ts'

/** `<digits>*.sql` with pairs of `-- migrate:up` and `-- migrate:down` in it. */
export const dbmate: Layout = {
  format: 'dbmate',
  detect: (folder) => folder.someSql(/^--[ \t]*migrate:up([ \t\r]|$)/m),
  list,
}

function list({ entries }: Folder, shown: string): Listing {
  const problems: Problem[] = []
  const notices: Problem[] = []
  const files = entries
    .filter((name) => name.endsWith('.sql'))
    .flatMap((file) => {
      const version = /^\d+/.exec(file)?.[0]
      if (version !== undefined) return { file, version }
      const what = `${join(shown, file)} does not begin with a digit, so dbmate passes it over, and so does upfront`
      notices.push({ what, next: 'Name it <version>_<name>.sql, or move it elsewhere.' })
      return []
    })
  for (const [version, twins] of groupBy(files, (one) => one.version))
    if (twins.length > 1)
      problems.push({
        what: `${twins.length} files have the version ${version}: ${twins.map(({ file }) => join(shown, file)).join(' and ')}`,
        next: 'dbmate can record only one of them and then passes the others over: give each a version of its own.',
      })
  const migrations = files.map(({ file, version }): SourceMigration => ({
    name: file.slice(0, -'.sql'.length).normalize('NFC'),
    file,
    kind: 'sql',
    downFile: null,
    parts,
    origin: () => ({ key: version, hashes: [] }),
  }))
  return { migrations, problems, notices }
}

const directive = /^--[\t\f\r ]*migrate:(?<part>up|down)(?:[\t\f\r ]+(?<options>\S.*)|[\t\f\r ]*)$/
const next = 'dbmate refuses that too.'

/** Every up one after another, and every down likewise, in the order of the file. */
function parts(text: string): Parts {
  const lines = text.split('\n')
  const problems: { line: number; what: string; next: string }[] = []
  const refuse = (i: number, what: string) => problems.push({ line: i + 1, what, next })
  const texts = { up: [] as string[], down: [] as string[] }
  const outside = { up: false, down: false }
  let part: 'up' | 'down' | null = null
  let upAt = 0
  let early: number | null = null
  for (const [i, line] of lines.entries()) {
    const found = directive.exec(line)?.groups
    // Before the first up, the line of a down is a comment like others.
    if (found && (found['part'] === 'up' || part !== null)) {
      if (found['part'] === part) refuse(part === 'up' ? upAt : i, part === 'up' ? noDown : secondDown)
      part = found['part'] as 'up' | 'down'
      if (part === 'up') upAt = i
      if (isOutside(found['options'] ?? '')) outside[part] = true
    } else if (part === null && line.trim() !== '' && !/^\s*--/.test(line)) early ??= i
    texts.up[i] = part === 'down' ? '' : line
    texts.down[i] = part === 'down' ? line : ''
    if (found && part !== null && isOpenBefore(texts[part], i)) texts[part][i] = ';'
  }
  if (part === null) refuse(0, 'there is no "-- migrate:up"')
  else if (early !== null) refuse(early, 'a statement stands before the first "-- migrate:up"')
  if (part === 'up') refuse(upAt, noDown)
  const down = `${texts.down.join('\n').trimEnd()}\n`
  return {
    up: `${texts.up.join('\n').trimEnd()}\n`,
    down: down.trim() === '' ? null : down,
    outside: outside.up,
    downOutside: outside.down,
    problems,
  }
}

const noDown = 'no "-- migrate:down" follows this "-- migrate:up"'
const secondDown = 'a second "-- migrate:down" follows one "-- migrate:up"'

/** The last `transaction:<value>` counts, as in the tool. */
function isOutside(options: string): boolean {
  const pairs = options.split(/\s+/).map((option) => option.split(':'))
  return pairs.findLast(([key, ...values]) => key === 'transaction' && values.length === 1)?.[1] === 'false'
}
