import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'

/** `committed/<digits>[-<slug>].sql`, each with its hash and that of the one before it; the folder may be either. */
export const graphileMigrate: Layout = {
  format: 'graphile-migrate',
  detect: (folder) => committedIn(folder).files.some((file) => /^--! Previous:/m.test(folder.read(file) ?? '')),
  list,
}

const fileName = /^(?<digits>\d+)(-[-_a-zA-Z0-9]*)?\.sql$/
const headerLine = /^--! (?<key>[A-Z][a-zA-Z0-9_]*)(?::(?<value>.*))?$/

interface Committed {
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** The line of the file, from 1, at which the body begins. */
  readonly bodyLine: number
  readonly mistakes: readonly string[]
}

function list(folder: Folder, shown: string): Listing {
  const { files, root } = committedIn(folder)
  const problems: Problem[] = []
  const placeholders = knownPlaceholders(folder.read(`${root}../.gmrc`) ?? '')
  let previous: { readonly file: string; readonly hash: string } | undefined
  const migrations = files.map((file): SourceMigration => {
    const { headers, mistakes } = readCommitted(folder.read(file) ?? '')
    for (const what of mistakes)
      problems.push({ what: `${join(shown, file)} ${what}`, next: 'Commit it with graphile-migrate, which writes it.' })
    const hash = headers.get('Hash')
    const expected = previous?.hash ?? '-'
    const found = headers.get('Previous')
    if (mistakes.length === 0 && found !== expected)
      problems.push({
        what: `${join(shown, file)} follows ${found}, but ${previous ? `${join(shown, previous.file)} is ${expected}` : 'no file is before it'}`,
        next: 'A file is missing, or stands in another order than it was committed in: graphile-migrate refuses that too.',
      })
    previous = { file, hash: hash ?? '' }
    const name = file.slice(file.lastIndexOf('/') + 1)
    return {
      name: name.slice(0, -'.sql'.length),
      file,
      kind: 'sql',
      downFile: null,
      parts: (text) => parts(text, placeholders, folder.placeholders),
      origin: (bytes) => ({ key: keyOf(name), hashes: hashesOf(bytes) }),
    }
  })
  return { migrations, problems, notices: current(folder, root, shown) }
}

/** The committed files in their order, and the path to the folder that has `committed/` and `current.sql`. */
function committedIn(folder: Folder): { readonly files: readonly string[]; readonly root: string } {
  const isAbove = folder.entries.includes('committed/')
  const below = isAbove ? 'committed/' : ''
  const files = folder
    .entriesOf(below)
    .filter((name) => fileName.test(name))
    .sort((a, b) => keyOf(a).localeCompare(keyOf(b), 'en'))
  return { files: files.map((name) => `${below}${name}`), root: isAbove ? '' : '../' }
}

/** What its history calls it, whose file names have no slug. */
function keyOf(name: string): string {
  return `${fileName.exec(name)!.groups!.digits}.sql`
}

/** The history keeps the hash that the file claims, also where AllowInvalidHash says that it is not its own. */
function hashesOf(bytes: Buffer): readonly string[] {
  const hash = readCommitted(bytes.toString('utf8').replaceAll('\r\n', '\n')).headers.get('Hash')
  return hash ? [hash] : []
}

function readCommitted(text: string): Committed {
  const lines = text.split('\n')
  const headers = new Map<string, string>()
  const mistakes: string[] = []
  let count = 0
  for (; count < lines.length; count += 1) {
    const header = headerLine.exec(lines[count]!)?.groups
    if (!header) break
    if (headers.has(header.key!)) mistakes.push(`has the header ${header.key} twice`)
    headers.set(header.key!, (header.value ?? '').trim())
  }
  for (const key of ['Previous', 'Hash']) if (!headers.get(key)) mistakes.push(`has no header "--! ${key}:"`)
  if (count > 0 && lines[count] !== '') mistakes.push('has no blank line after its headers')
  const rest = lines.slice(count).join('\n')
  const blanks = /^\s*/.exec(rest)![0].split('\n').length - 1
  return { headers, body: `${rest.trim()}\n`, bodyLine: count + blanks + 1, mistakes }
}

/** The hash of a body behind that of its predecessor. */
function hashOf(body: string, previous: string): string {
  const before = previous === '-' ? '' : previous
  return `sha1:${createHash('sha1')
    .update(`${`${before}\n${body.trim()}`.trim()}\n`)
    .digest('hex')}`
}

function parts(text: string, placeholders: readonly string[], values: ReadonlyMap<string, string>): Parts {
  const { headers, body, bodyLine } = readCommitted(text)
  const claimed = headers.get('Hash') ?? ''
  const hash = hashOf(body, headers.get('Previous') ?? '')
  const problems: { line: number; what: string; next: string }[] = []
  const line = 1 + [...headers.keys()].indexOf('Hash')
  if (hash !== claimed && !headers.has('AllowInvalidHash'))
    problems.push({
      line,
      what: `the hash of the file is ${hash}, not ${claimed}`,
      next: 'It was edited after it was committed, which graphile-migrate refuses: put it back, and write another one.',
    })
  if (hash === claimed && headers.has('AllowInvalidHash'))
    problems.push({ line, what: 'the hash is valid, although AllowInvalidHash is set', next: 'Remove that line.' })
  let up = text
  // In an image there is no .gmrc, so what has a value is a placeholder too.
  const named = new Set([...placeholders, ...[...values.keys()].map((name) => `:${name}`)])
  for (const name of named) {
    const value = values.get(name.slice(1))
    // Everywhere, as the tool does it: in strings and comments too.
    const pattern = new RegExp(`${name}\\b`, 'g')
    if (value !== undefined) up = up.replace(pattern, () => value)
    const at = body.replace(/^\s*--.*$/gm, (comment) => comment.replace(/[^\n]/g, ' ')).search(pattern)
    if (value === undefined && at !== -1)
      problems.push({
        line: bodyLine + body.slice(0, at).split('\n').length - 1,
        what: `the placeholder ${name} has no value`,
        next: `Set UPFRONT_PLACEHOLDER_${name.slice(1)}.`,
      })
  }
  return { up, identity: text, down: null, outside: /^--!\s*no-transaction\b/.test(body), problems }
}

/** Its own two, and those that `.gmrc`, which is JSON with comments, gives a value. */
function knownPlaceholders(settings: string): readonly string[] {
  const text = settings.replace(/("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\/\/.*|\/\*[^]*?\*\//g, '$1')
  const named = [...text.matchAll(/["'](:[A-Z][0-9A-Z_]+)["']\s*:/g)].map(([, name]) => name!)
  return [':DATABASE_NAME', ':DATABASE_OWNER', ...named]
}

/** What is not committed yet. */
function current(folder: Folder, root: string, shown: string): readonly Problem[] {
  const below = folder.entriesOf(`${root}current`).map((name) => `${root}current/${name}`)
  return [`${root}current.sql`, ...below]
    .filter((file) => file.endsWith('.sql') && !isBlank(folder.read(file) ?? ''))
    .map((file) => ({
      what: `${join(shown, file)} is not committed: it is passed over`,
      next: 'Commit it with graphile-migrate before the image is built.',
    }))
}

function isBlank(text: string): boolean {
  return text.replace(/\/\*[^]*?\*\/|--.*/g, '').trim() === ''
}
