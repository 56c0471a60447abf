import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'
import { isOpenBefore } from './open-statement.ts'

/** Any `*.sql`, those with a number first; both directions in it, behind `-- +migrate Up` and `-- +migrate Down`. */
export const sqlMigrate: Layout = {
  format: 'sql-migrate',
  detect: (folder) => folder.someSql(/^-- \+migrate (Up|Down)\b/m),
  list,
}

function list({ entries }: Folder): Listing {
  const files = entries.filter((name) => name.endsWith('.sql')).sort(compare)
  const migrations = files.map((file): SourceMigration => ({
    name: file.slice(0, -'.sql'.length).normalize('NFC'),
    file,
    kind: 'sql',
    downFile: null,
    parts,
    origin: () => ({ key: file, hashes: [] }),
  }))
  return { migrations, problems: [] }
}

/** By the number in front, then by the whole name; those without a number last. */
function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => /^\d+/.exec(name)?.[0])
  if ((left === undefined) !== (right === undefined)) return left === undefined ? 1 : -1
  const [first, second] = [BigInt(left ?? 0), BigInt(right ?? 0)]
  if (first !== second) return first < second ? -1 : 1
  return a < b ? -1 : 1
}

const prefix = '-- +migrate '
const next = 'See https://github.com/rubenv/sql-migrate#writing-migrations.'
const unfinished = 'the statement ends neither in a semicolon at the end of a line nor in "-- +migrate StatementEnd"'

/** Notes what the tool would refuse, at a line from 0. */
type Refuse = (i: number, what: string) => void

/** Where the reading of a text is. */
interface Reading {
  part: 'up' | 'down' | null
  hasDown: boolean
  outside: boolean
  downOutside: boolean
  /** The line (from 0) of the StatementBegin that has not ended. */
  block: number | null
  /** The line (from 0) at which a statement began that has not ended. */
  open: number | null
}

/** Reads line by line as the tool does, which runs nothing of what stands before the first Up or Down. */
function parts(text: string): Parts {
  const lines = text.split('\n')
  const problems: { line: number; what: string; next: string }[] = []
  const refuse: Refuse = (i, what) => void problems.push({ line: i + 1, what, next })
  const at: Reading = { part: null, hasDown: false, outside: false, downOutside: false, block: null, open: null }
  const ups: string[] = []
  const downs: string[] = []
  for (const [i, line] of lines.entries()) {
    const isMark = line.startsWith('-- +')
    // The tool sends no such comment; in front of a statement it does no harm, inside it is left out here too.
    const isLeftOut = isMark || (line.startsWith('-- ') && at.open !== null)
    const isComment = line.startsWith('--')
    if (line.startsWith(prefix)) follow(line.slice(prefix.length), i, at, refuse)
    const isEnd = line.startsWith(prefix) && line.includes('StatementEnd')
    ups[i] = !isLeftOut && (at.part === 'up' || (at.part === null && isComment)) ? line : ''
    downs[i] = !isLeftOut && at.part === 'down' ? line : ''
    const own = at.part === 'down' ? downs : ups
    if (isEnd && isOpenBefore(own, i)) own[i] = ';'
    if (at.part === null || isMark || line.startsWith('-- ')) continue
    if (line.trim() !== '') at.open ??= i
    if (at.block === null && endsStatement(line)) at.open = null
  }
  if (at.block !== null) refuse(at.block, '"-- +migrate StatementBegin" has no StatementEnd')
  else if (at.part === null) refuse(0, 'there is neither "-- +migrate Up" nor "-- +migrate Down"')
  else if (at.open !== null) refuse(at.open, unfinished)
  return {
    up: `${ups.join('\n').trimEnd()}\n`,
    down: at.hasDown ? `${downs.join('\n').trimEnd()}\n` : null,
    outside: at.outside,
    downOutside: at.downOutside,
    problems,
  }
}

/** Does what a line of the tool says, which ignores what it does not know. */
function follow(command: string, i: number, at: Reading, refuse: Refuse): void {
  const [says, ...options] = command.split(/\s+/).filter((word) => word !== '')
  if (says === undefined) return refuse(i, '"-- +migrate" says nothing')
  if (says === 'Up' || says === 'Down') {
    if (at.open !== null) refuse(at.open, unfinished)
    at.open = null
    at.part = says === 'Up' ? 'up' : 'down'
    if (says === 'Down') at.hasDown = true
    if (options.includes('notransaction')) at[says === 'Up' ? 'outside' : 'downOutside'] = true
  }
  if (at.part === null) return
  if (says === 'StatementBegin') at.block = i
  if (says === 'StatementEnd' && at.block !== null) at.block = at.open = null
}

/** Whether the last word before a comment ends in a semicolon. */
function endsStatement(line: string): boolean {
  return line
    .replace(/(^|\s)--.*$/, '')
    .trimEnd()
    .endsWith(';')
}
