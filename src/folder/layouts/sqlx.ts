import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import { hashesOf } from './hashes.ts'
import { groupBy } from './group-by.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'

/** `<number>_<description>.sql`, or `.up.sql` with `.down.sql`, in a crate that uses sqlx. */
export const sqlx: Layout = {
  format: 'sqlx',
  detect: (folder) =>
    folder.entries.some((name) => shape.test(name)) &&
    (folder.has('../sqlx.toml') || folder.has('../.sqlx') || /\bsqlx\b/.test(folder.read('../Cargo.toml') ?? '')),
  list,
}

const shape = /^(?<version>[+-]?\d+)_(?<description>.*?)(?<direction>\.up|\.down)?\.sql$/

interface Found {
  readonly file: string
  readonly version: bigint
  readonly isDown: boolean
}

function list(folder: Folder, shown: string): Listing {
  const problems: Problem[] = []
  const notices: Problem[] = []
  const found = folder.entries
    .filter((name) => name.endsWith('.sql'))
    .flatMap((file): Found | [] => {
      const { version, direction } = shape.exec(file)?.groups ?? {}
      if (version !== undefined && BigInt.asIntN(64, BigInt(version)) === BigInt(version))
        return { file, version: BigInt(version), isDown: direction === '.down' }
      if (file.includes('_'))
        problems.push({
          what: `${join(shown, file)} does not begin with a whole number of 64 bits`,
          next: 'sqlx refuses that too: name it <number>_<description>.sql.',
        })
      else notices.push({ what: `${join(shown, file)} has no _ in its name: it is passed over, as by sqlx` })
      return []
    })
    .sort((a, b) => (a.version < b.version ? -1 : a.version > b.version ? 1 : 0))
  for (const [version, files] of groupBy(found, ({ version, isDown }) => `${version}${isDown ? ' down' : ''}`))
    if (files.length > 1)
      problems.push({
        what: `two files have the version ${version}: ${files.map(({ file }) => join(shown, file)).join(' and ')}`,
        next: 'sqlx cannot record both: give one of them another number.',
      })
  const ups = found.filter(({ isDown }) => !isDown)
  const downs = new Map(found.filter(({ isDown }) => isDown).map(({ file, version }) => [version, file]))
  const ignored = ignoredCharacters(folder.read('../sqlx.toml') ?? '')
  const migrations = ups.map(({ file, version }): SourceMigration => ({
    name: file.replace(/(\.up)?\.sql$/, '').normalize('NFC'),
    file,
    kind: 'sql',
    downFile: downs.get(version) ?? null,
    parts,
    origin: (bytes) => ({ key: String(version), hashes: hashesOf(without(bytes, ignored), 'sha384') }),
  }))
  return { migrations, problems, notices }
}

function parts(text: string): Parts {
  return { up: text, down: null, outside: text.startsWith('-- no-transaction'), problems: [] }
}

function without(bytes: Buffer, ignored: ReadonlySet<string>): Buffer {
  if (ignored.size === 0) return bytes
  return Buffer.from([...bytes.toString('utf8')].filter((character) => !ignored.has(character)).join(''))
}

/** What sqlx.toml says that no checksum sees: the strings of `ignored-chars` in its section `migrate`. */
function ignoredCharacters(toml: string): ReadonlySet<string> {
  const section = /^\s*\[\s*migrate\s*\]([^]*?)(?=^\s*\[|(?![^]))/m.exec(toml)?.[1] ?? ''
  const [, array = ''] = setting('ignored-chars').exec(section) ?? setting('migrate\\.ignored-chars').exec(toml) ?? []
  return new Set([...array.matchAll(string)].flatMap(([, basic, literal]) => literal ?? (basic ? unescape(basic) : [])))
}

/** An array of strings, over several lines and with comments in it. */
function setting(name: string): RegExp {
  return new RegExp(`^\\s*${name}\\s*=\\s*\\[((?:${string.source}|[^\\]"'#])*)\\]`, 'm')
}

const string = /#.*|"((?:[^"\\]|\\.)*)"|'([^']*)'/g
const escapes: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\u001b' }

/** A basic string of TOML. */
function unescape(text: string): string {
  return text.replace(
    /\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))/g,
    (_, short?: string, long?: string, one?: string) =>
      one === undefined ? String.fromCodePoint(parseInt((short ?? long)!, 16)) : (escapes[one] ?? one),
  )
}
