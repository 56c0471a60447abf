import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Failure } from '../errors.ts'
import type { Bundle, Migration, Seed, SeedBundle, SqlScript, StatedIndex, Statement } from '../migrations/migration.ts'
import { parseCsvName } from './csv.ts'
import { checksum } from './text.ts'

/** What docs/formats.md promises of a manifest.json: its first line holds all that a run with nothing to do needs. */
export const manifestFile = 'manifest.json'
export const manifestFormat = 1

export interface MigrationsHead {
  readonly format: number
  readonly digest: string
  readonly count: number
}

export interface SeedsHead {
  readonly format: number
  /** By environment; '' is that of the folder alone. */
  readonly digests: Readonly<Record<string, string>>
}

type PackedStatement = readonly [
  start: number,
  end: number,
  line: number,
  kind: string,
  alone: 0 | 1,
  index?: StatedIndex,
]

/** An entry for a module has `code`, the checksum of the JavaScript beside it; one for SQL has statements. */
export interface PackedMigration {
  readonly name: string
  /** Of the source, which is what the history keeps. */
  readonly checksum: string
  readonly transaction?: boolean
  readonly creates?: readonly string[]
  readonly statements?: readonly PackedStatement[]
  readonly module?: string
  readonly down: boolean
}

export interface PackedSeed {
  readonly name: string
  readonly checksum: string
  readonly statements?: readonly PackedStatement[]
  readonly module?: string
}

/** JSON whose first line is the head and whose every further line is one entry. */
export function renderManifest(head: object, list: string, entries: readonly object[]): string {
  const start = JSON.stringify(head).slice(0, -1)
  const lines = entries.map((entry) => JSON.stringify(entry)).join(',\n')
  return `${start},"${list}":[\n${lines}${lines === '' ? '' : '\n'}]}\n`
}

export function packStatements(statements: readonly Statement[]): PackedStatement[] {
  return statements.map(({ start, end, line, kind, alone, index }) =>
    index ? [start, end, line, kind, 1, index] : [start, end, line, kind, alone ? 1 : 0],
  )
}

/** The migrations of a compiled folder; reads one line of it, and the rest when it is asked for. */
export function openMigrations(dir: string, shown = dir): Bundle {
  const { digest, count } = readHead<MigrationsHead>(dir, shown)
  return {
    dir: shown,
    digest,
    count,
    list: async () => readEntries<PackedMigration>(dir, shown, 'migrations').map((one) => unpack(dir, shown, one)),
  }
}

/** The seeds of one environment of a compiled folder; an environment without a folder has the common ones. */
export function openSeeds(dir: string, environment: string, shown = dir): SeedBundle {
  const { digests } = readHead<SeedsHead>(dir, shown)
  const digest = Object.hasOwn(digests, environment) ? digests[environment]! : (digests[''] ?? '')
  const list = async () =>
    readEntries<PackedSeed>(dir, shown, 'seeds')
      .filter(({ name }) => !name.includes('/') || name.startsWith(`${environment}/`))
      .sort((a, b) => Number(a.name.includes('/')) - Number(b.name.includes('/')))
      .map((one) => unpackSeed(dir, shown, one))
  return { environment, digest, list }
}

const headBytes = 4096

function readHead<Head extends { readonly format: number }>(dir: string, shown: string): Head {
  const path = join(dir, manifestFile)
  const file = openSync(path, 'r')
  try {
    let line = ''
    const buffer = Buffer.alloc(headBytes)
    for (let read = headBytes; read === headBytes && !line.includes('\n');) {
      read = readSync(file, buffer)
      line += buffer.toString('utf8', 0, read)
    }
    const head = JSON.parse(`${line.split('\n', 1)[0]}]}`) as Head
    if (head.format === manifestFormat) return head
    throw new Error(`format ${String(head.format)} is not ${manifestFormat}`)
  } catch (error) {
    throw broken(shown, `${manifestFile}: ${(error as Error).message}`)
  } finally {
    closeSync(file)
  }
}

function readEntries<Entry>(dir: string, shown: string, list: string): Entry[] {
  const path = join(dir, manifestFile)
  try {
    const entries = (JSON.parse(readFileSync(path, 'utf8')) as Record<string, Entry[]>)[list]
    if (!Array.isArray(entries)) throw new Error(`it has no ${list}`)
    return entries
  } catch (error) {
    throw broken(shown, `${manifestFile}: ${(error as Error).message}`)
  }
}

function unpack(dir: string, shown: string, packed: PackedMigration): Migration {
  const { name, checksum, creates = [], transaction = true } = packed
  const file = packed.module ?? `${name}.sql`
  return {
    name,
    file: join(shown, file),
    checksum,
    creates,
    script: packed.module
      ? { kind: 'module', path: resolve(dir, file) }
      : unpackSql(dir, shown, file, packed, transaction),
    get down() {
      return packed.down ? readFileSync(join(dir, `${name}.down.sql`), 'utf8') : null
    },
  }
}

function unpackSeed(dir: string, shown: string, packed: PackedSeed): Seed {
  const { name, checksum } = packed
  const path = resolve(dir, packed.module ?? name)
  const script: Seed['script'] = packed.module
    ? { kind: 'module', path }
    : name.endsWith('.csv')
      ? { kind: 'csv', path, ...parseCsvName(name)! }
      : unpackSql(dir, shown, name, packed, true)
  return { name, file: join(shown, name), checksum, script }
}

function unpackSql(dir: string, shown: string, file: string, packed: PackedSeed, transaction: boolean): SqlScript {
  const statements = unpackStatements(packed.statements ?? [])
  const read = () => readVerified(join(dir, file), shown, packed.checksum)
  const pieces = () => [{ sql: read(), line: 1, statements: statements.length }]
  return { kind: 'sql', transaction, joinable: false, size: statements.at(-1)?.end ?? 0, statements, read, pieces }
}

function unpackStatements(packed: readonly PackedStatement[]): Statement[] {
  return packed.map(([start, end, line, kind, alone, index]) => ({
    start,
    end,
    line,
    kind,
    alone: alone === 1,
    ...(index ? { index } : {}),
  }))
}

function readVerified(file: string, shown: string, expected: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw broken(shown, (error as Error).message)
  }
  if (checksum(text) !== expected) throw broken(shown, `${file} is not the file that was compiled`)
  return text
}

function broken(shown: string, reason: string): Failure {
  return new Failure('INVALID', `the bundle in ${shown} is damaged`, { reason, next: 'Compile it again.' })
}
