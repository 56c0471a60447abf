import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import { groupBy } from './group-by.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'
import { isOpenBefore } from './open-statement.ts'

/** `<number>_<name>.sql` with both directions in it, behind lines that begin with `-- +goose`. */
export const goose: Layout = {
  format: 'goose',
  detect: (folder) => folder.someSql(mark),
  list,
}

/** A line that the tool takes for an annotation; the blank in front makes it a wrong one. */
const mark = /^[ \t]*--.*\+goose/m

function list(folder: Folder, shown: string): Listing {
  const problems: Problem[] = []
  const notices: Problem[] = []
  const files = folder.entries
    .filter((name) => /\.(sql|go)$/.test(name) && !name.endsWith('_test.go'))
    .flatMap((file) => {
      const version = versionOf(file)
      if (version !== null) return { file, version }
      // goose's command refuses every such file, and its library (Provider) passes them over.
      const what = `${join(shown, file)} does not begin with a number above zero and _`
      const isMeant = file.endsWith('.sql') && mark.test(folder.read(file) ?? '')
      if (isMeant) problems.push({ what, next: 'goose refuses it too: name it <number>_<name>.sql, or remove it.' })
      else if (file.endsWith('.sql')) notices.push({ what: `${what}: it is passed over`, next: 'Move it elsewhere.' })
      return []
    })
    .sort((a, b) => (a.version < b.version ? -1 : a.version > b.version ? 1 : 0))
  for (const [version, twins] of groupBy(files, (one) => one.version))
    if (twins.length > 1)
      problems.push({
        what: `${twins.length} files have the version ${version}: ${twins.map(({ file }) => join(shown, file)).join(' and ')}`,
        next: 'goose refuses that too: give one of them another version, or remove it.',
      })
  const migrations = files.map(({ file, version }): SourceMigration => ({
    name: file.replace(/\.(sql|go)$/, '').normalize('NFC'),
    file,
    kind: 'sql',
    downFile: null,
    ...(file.endsWith('.go') ? { cannotRun: refuseGo(join(shown, file)) } : { parts }),
    origin: () => ({ key: String(version), hashes: [] }),
  }))
  return { migrations, problems, notices }
}

function refuseGo(file: string) {
  const next = 'Write it in SQL under the same version, or let goose run it first.'
  return { what: `${file} is a migration in Go, which cannot be run here`, next }
}

/** The number in front, 64 bits and above zero as the tool wants it; null without. */
function versionOf(file: string): bigint | null {
  const [, digits] = /^(\d+)_/.exec(file) ?? []
  const version = BigInt(digits ?? 0)
  return version > 0n && BigInt.asIntN(64, version) === version ? version : null
}

/** What a line of the tool says, in lower case; `wrong` says why it says nothing. */
function readAnnotation(line: string): { readonly says: string } | { readonly wrong: string } {
  if (/^[ \t]/.test(line)) return { wrong: 'a line of goose must begin at the first column' }
  const says = line.replaceAll('--', '').replace('+goose', '').trim().toLowerCase()
  if (known.has(says)) return { says }
  return { wrong: `goose does not know "${line.trim()}"` }
}

const known = new Set(['up', 'down', 'statementbegin', 'statementend', 'no transaction', 'envsub on', 'envsub off'])
const manual = 'See https://github.com/pressly/goose#sql-migrations.'

/** Notes what the tool would refuse, at a line from 0. */
type Refuse = (i: number, what: string, next?: string) => void

/** Where the reading of a text is. */
interface Reading {
  part: 'start' | 'up' | 'down'
  /** Whether it is between StatementBegin and StatementEnd. */
  isBlock: boolean
  outside: boolean
  isSubstituted: boolean
  /** The line (from 0) of the annotation Down. */
  downAt: number | null
  /** Whether the environment would change the down. */
  isDownUnknown: boolean
  /** The line (from 0) at which a statement of the up began that has not ended. */
  open: number | null
}

/** Reads line by line as the tool does, which ends a statement at a line that ends in a semicolon. */
function parts(text: string): Parts {
  const lines = text.split('\n')
  const problems: { line: number; what: string; next: string }[] = []
  const at: Reading = {
    part: 'start',
    isBlock: false,
    outside: false,
    isSubstituted: false,
    downAt: null,
    isDownUnknown: false,
    open: null,
  }
  const refuse: Refuse = (i, what, next = manual) => void problems.push({ line: i + 1, what, next })
  const sent = [...lines]
  for (const [i, line] of lines.entries()) {
    const isComment = line.trim().startsWith('--')
    if (isComment && line.includes('+goose')) {
      const annotation = readAnnotation(line)
      if ('wrong' in annotation) refuse(i, annotation.wrong)
      else {
        if (annotation.says === 'statementend' && isOpenBefore(lines, i)) sent[i] = ';'
        follow(annotation.says, i, at, refuse)
      }
    } else if (!isComment && line.trim() !== '') {
      if (at.part === 'start') {
        refuse(i, 'a statement stands before "-- +goose Up"')
        break
      }
      if (at.isSubstituted && isChangedByEnvironment(line)) {
        if (at.part === 'down') at.isDownUnknown = true
        else refuse(i, 'the environment is not substituted here (-- +goose ENVSUB ON)', noEnvironment)
      }
      if (at.part === 'up') at.open ??= i
      if (!at.isBlock && endsStatement(line)) at.open = null
    }
  }
  if (problems.length === 0) {
    if (at.part === 'start') refuse(0, 'there is no "-- +goose Up"')
    else if (at.isBlock) refuse(lines.length - 1, '"-- +goose StatementEnd" is missing')
    else if (at.open !== null) refuse(at.open, unfinished)
  }
  const up =
    at.downAt === null
      ? sent.join('\n')
      : sent
          .slice(0, at.downAt)
          .map((line) => `${line}\n`)
          .join('')
  const down =
    at.downAt === null || at.isDownUnknown
      ? null
      : `${'\n'.repeat(at.downAt + 1)}${sent.slice(at.downAt + 1).join('\n')}`
  return { up, down, outside: at.outside, downOutside: at.outside, problems }
}

const unfinished = 'the statement does not end in a semicolon at the end of a line'
const noEnvironment = 'Write the value into the file, or let goose run this folder.'

/** Does what an annotation says, where the tool allows it. */
function follow(says: string, i: number, at: Reading, refuse: Refuse): void {
  if (says === 'no transaction') at.outside = true
  else if (says.startsWith('envsub')) at.isSubstituted = says === 'envsub on'
  else if (says === 'up') {
    if (at.part !== 'start') return refuse(i, '"-- +goose Up" stands here a second time, or behind Down')
    at.part = 'up'
  } else if (says === 'down') {
    if (at.part !== 'up' || at.isBlock) return refuse(i, '"-- +goose Down" does not follow a complete "-- +goose Up"')
    if (at.open !== null) refuse(at.open, unfinished)
    at.part = 'down'
    at.downAt = i
    at.open = null
  } else if (says === 'statementbegin') {
    if (at.part === 'start' || at.isBlock)
      return refuse(i, '"-- +goose StatementBegin" stands before Up, or inside another')
    at.isBlock = true
  } else {
    if (!at.isBlock) return refuse(i, '"-- +goose StatementEnd" has no StatementBegin')
    at.isBlock = false
    at.open = null
  }
}

/** Whether the last word before a comment ends in a semicolon. */
function endsStatement(line: string): boolean {
  return line
    .replace(/(^|\s)--.*$/, '')
    .trimEnd()
    .endsWith(';')
}

/** Whether the tool's substitution would leave another line: it takes `$$` and `\$` for a written dollar, too. */
function isChangedByEnvironment(line: string): boolean {
  return /\$(?!\(|$)|\\\$/.test(line)
}
