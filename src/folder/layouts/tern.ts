import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import { nextToken } from '../../sql/lex/lex.ts'
import { comment, makeToken } from '../../sql/lex/token.ts'
import { wholeWindow } from '../../sql/lex/window.ts'
import { groupBy } from './group-by.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'

/** `<number>_<name>.sql`, numbered from 1 without a gap; below a line of its own it has what takes it back. */
export const tern: Layout = {
  format: 'tern',
  detect: (folder) =>
    folder.someSql(/---- (create above \/ drop below|tern: disable-tx) ----/) ||
    (folder.has('tern.conf') && folder.entries.some((name) => shape.test(name))),
  list,
}

const shape = /^(\d+)_.+\.sql$/
const separator = '---- create above / drop below ----'
const disableTransaction = /^---- tern: disable-tx ----$/m

function list({ entries }: Folder, shown: string): Listing {
  const notices = entries
    .filter((name) => name.endsWith('.sql') && !shape.test(name))
    .map((name) => ({
      what: `${join(shown, name)} is not named like a migration, so tern passes it over, and so does upfront`,
      next: 'Name it <number>_<name>.sql, or move it elsewhere.',
    }))
  const files = entries
    .flatMap((file) => {
      const digits = shape.exec(file)?.[1]
      return digits === undefined ? [] : { file, number: BigInt(digits) }
    })
    .sort((a, b) => (a.number < b.number ? -1 : a.number > b.number ? 1 : 0))
  const migrations = files.map(({ file, number }): SourceMigration => ({
    name: file.slice(0, -'.sql'.length).normalize('NFC'),
    file,
    kind: 'sql',
    downFile: null,
    parts,
    origin: () => ({ key: String(number), hashes: [] }),
  }))
  return { migrations, problems: refuseNumbers(files, shown), notices }
}

function refuseNumbers(files: readonly { readonly file: string; readonly number: bigint }[], shown: string): Problem[] {
  const problems: Problem[] = []
  const next = 'tern refuses that too: it numbers from 1 without a gap.'
  let last = 0n
  for (const [number, twins] of groupBy(files, (one) => one.number)) {
    const paths = twins.map(({ file }) => join(shown, file)).join(' and ')
    if (twins.length > 1) problems.push({ what: `${twins.length} files have the number ${number}: ${paths}`, next })
    if (number === 0n) problems.push({ what: `${paths} has the number 0`, next })
    const missing = number - last - 1n
    if (missing === 1n) problems.push({ what: `number ${last + 1n} is missing before ${paths}`, next })
    if (missing > 1n)
      problems.push({ what: `numbers ${last + 1n} to ${number - 1n} are missing before ${paths}`, next })
    last = number
  }
  return problems
}

function parts(text: string): Parts {
  const at = text.indexOf(separator)
  const up = at === -1 ? text : text.slice(0, at)
  const below = at === -1 ? '' : text.slice(at + separator.length)
  const problems: { line: number; what: string; next: string }[] = []
  const template = templateAt(up)
  if (template !== null)
    problems.push({
      line: template,
      what: 'a Go template ({{) cannot be run here',
      next: 'Write out what tern makes of it, or let tern run this folder.',
    })
  else if (up.split('\n').every((line) => /^\s*(--|$)/.test(line)))
    problems.push({ line: 1, what: `there is no SQL above "${separator}"`, next: 'tern refuses that too.' })
  // A way back that is a template is not known here; it must not stop the way forward.
  const hasDown = below.trim() !== '' && templateAt(below) === null
  return {
    up,
    down: hasDown ? up.replace(/[^\n]/g, '') + below : null,
    outside: disableTransaction.test(up.trim()),
    downOutside: disableTransaction.test(below.trim()),
    problems,
  }
}

/** The line of the first `{{` that does not stand in a comment; null without. */
function templateAt(text: string): number | null {
  const bytes = Buffer.from(text)
  const window = wholeWindow(bytes)
  const token = makeToken()
  let at = bytes.indexOf('{{')
  for (let byte = 0; at !== -1 && byte < bytes.length; byte = token.end) {
    nextToken(window, byte, token)
    if (token.end <= at) continue
    if (token.kind !== comment) return bytes.toString('utf8', 0, at).split('\n').length
    at = bytes.indexOf('{{', token.end)
  }
  return null
}
