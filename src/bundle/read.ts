import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Failure } from '../errors.ts'
import { chunkScript } from '../folder/chunks.ts'
import { parseCsvName } from '../folder/csv-name.ts'
import { refuseUnrunnable } from '../folder/invalid.ts'
import { pickByName } from '../folder/pick-by-name.ts'
import { openCompiled } from '../folder/text-stream.ts'
import { checksum, checksumOfFile } from '../folder/text.ts'
import {
  type Assertion,
  type Bundle,
  type CsvScript,
  type Identity,
  isolations,
  type Migration,
  type ModuleScript,
  type Origin,
  type Seed,
  type SeedBundle,
  type SqlScript,
} from '../migration.ts'
import { textScript } from '../sql/script.ts'
import { broken, readEntries } from './manifest.ts'
import { type PackedScript, unpackStatements } from './packed-script.ts'

/** JavaScript: the path of the module, and the checksum of every file that it is made of. */
export interface PackedModule {
  readonly path: string
  readonly files: Readonly<Record<string, string>>
}

interface PackedEntry {
  readonly name: string
  /** Of the source, which is what the history keeps. */
  readonly checksum: string
  readonly sql?: PackedScript
  /** Of its file in the bundle, where placeholders were replaced. */
  readonly text?: string
  readonly module?: PackedModule
  /** The rules whose findings are allowed when it runs. */
  readonly allow?: readonly string[]
}

export interface PackedMigration extends PackedEntry {
  readonly creates?: readonly string[]
  /** The checksum of its file, when there is one. */
  readonly down?: string
  /** What has to be true once it has run: the checksum of its file, and how that runs. */
  readonly verify?: { readonly text: string; readonly sql: PackedScript }
  /** Set when it waits for the older version to be gone. */
  readonly contract?: true
  /** Set for code of another tool. */
  readonly cannotRun?: NonNullable<Identity['cannotRun']>
  /** Set when it runs again whenever it has changed. */
  readonly repeatable?: true
  /** What another tool's history says of it: its key, then the hashes. */
  readonly origin?: readonly string[]
}

export type PackedSeed = PackedEntry

/** The migrations of a compiled folder, which are ready as they are. */
export function readMigrations(
  dir: string,
  shown: string,
): Pick<Bundle, 'list' | 'listRepeatable' | 'origins' | 'open' | 'openDown'> {
  const entries = readEntries<PackedMigration>(dir, shown, 'migrations')
  const migrations = entries.map((packed) => unpackMigration(dir, shown, packed))
  return {
    list: async () => migrations.filter((_, i) => !entries[i]!.repeatable),
    listRepeatable: async () => migrations.filter((_, i) => entries[i]!.repeatable),
    origins: async () => new Map(entries.map(unpackOrigin)),
    open: async (which) => {
      const found = pickByName(which, migrations)
      refuseUnrunnable(shown, found)
      return found
    },
    openDown: async (of) => {
      const [{ down, script, allow = [] }] = pickByName([of], migrations) as [Migration]
      return { sql: down, module: script.kind === 'module' && script.path !== '' ? script : null, allow }
    },
  }
}

/** The seeds of one environment of a compiled folder, likewise. */
export function readSeeds(dir: string, shown: string, environment: string): Pick<SeedBundle, 'list' | 'open'> {
  const seeds = listSeeds(dir, shown, environment)
  return { list: async () => seeds, open: async (which) => pickByName(which, seeds) }
}

function unpackMigration(dir: string, shown: string, packed: PackedMigration): Migration {
  const { name, creates = [], down, verify } = packed
  const file = packed.module?.path ?? `${name}.sql`
  return {
    // A bundle of an older version may spell it otherwise, and its files as well.
    name: name.normalize('NFC'),
    file: join(shown, file),
    checksum: packed.checksum,
    allow: packed.allow ?? [],
    creates,
    ...(packed.contract ? { contract: true } : {}),
    ...(packed.cannotRun ? { cannotRun: packed.cannotRun } : {}),
    script: packed.cannotRun
      ? { kind: 'module', path: '' }
      : packed.module
        ? unpackModule(dir, shown, packed.module)
        : unpackSql(dir, shown, file, packed),
    ...(verify ? { assertion: unpackAssertion(dir, shown, `${name}.verify.sql`, verify) } : {}),
    get down() {
      return down === undefined ? null : readVerified(dir, shown, `${name}.down.sql`, down)
    },
  }
}

function unpackAssertion(
  dir: string,
  shown: string,
  file: string,
  { text, sql }: NonNullable<PackedMigration['verify']>,
): Assertion {
  return { file: join(shown, file), script: unpackSql(dir, shown, file, { sql, checksum: text }) }
}

/** Of a migration that no other tool's layout has traced the history may know the name. */
function unpackOrigin({ name, origin }: PackedMigration): [string, Origin] {
  const [key = name, ...hashes] = origin ?? []
  return [name.normalize('NFC'), { key, hashes }]
}

/** Those for all, then its own. */
function listSeeds(dir: string, shown: string, environment: string): Seed[] {
  return readEntries<PackedSeed>(dir, shown, 'seeds')
    .filter(({ name }) => !name.includes('/') || name.normalize('NFC').startsWith(`${environment.normalize('NFC')}/`))
    .sort((a, b) => Number(a.name.includes('/')) - Number(b.name.includes('/')))
    .map((packed) => {
      const { name } = packed
      const script: Seed['script'] = packed.module
        ? unpackModule(dir, shown, packed.module)
        : packed.sql
          ? unpackSql(dir, shown, name, packed)
          : unpackCsv(dir, shown, packed)
      return {
        name: name.normalize('NFC'),
        file: join(shown, name),
        checksum: packed.checksum,
        script,
        allow: packed.allow ?? [],
      }
    })
}

function unpackCsv(dir: string, shown: string, { name, checksum: expected }: PackedSeed): CsvScript {
  const table = parseCsvName(name)
  if (table === null) throw broken(shown, `${name} is no CSV file`)
  const path = inside(dir, shown, name)
  const refuse = (reason: string) => broken(shown, `${join(shown, name)}: ${reason}`)
  const verify = () => {
    if (orRefuse(() => checksumOfFile(path), refuse) !== expected) throw refuse('it is not the file that was compiled')
  }
  return { kind: 'csv', path, ...table, verify }
}

function unpackModule(dir: string, shown: string, { path, files }: PackedModule): ModuleScript {
  const verify = () => {
    for (const [file, expected] of Object.entries(files)) readVerified(dir, shown, file, expected)
  }
  return { kind: 'module', path: inside(dir, shown, path), verify }
}

function unpackSql(dir: string, shown: string, file: string, packed: Omit<PackedEntry, 'name'>): SqlScript {
  const { sql, text: expected = packed.checksum } = packed
  if (!sql) throw broken(shown, `${file} has no statements in the manifest`)
  const { size, transaction = true, isolation, limits, joinable = false, blanks = [], copies = [], pieces } = sql
  if (isolation !== undefined && !isolations.includes(isolation)) throw broken(shown, `${file} has no such isolation`)
  const read = () => readVerified(dir, shown, file, expected)
  const { session } = sql
  const statements = unpackStatements(sql)
  if (pieces === undefined)
    return textScript(read, { transaction, isolation, limits, joinable, size, statements, session, blanks, copies })
  const path = inside(dir, shown, file)
  const refuse = (reason: string) => broken(shown, `${join(shown, file)}: ${reason}`)
  const open = () => orRefuse(() => openCompiled(path), refuse)
  return chunkScript({ size, isolation, limits, chunks: pieces }, { open, read, checksum: expected, refuse })
}

function orRefuse<T>(read: () => T, refuse: (reason: string) => Failure): T {
  try {
    return read()
  } catch (error) {
    throw refuse((error as Error).message)
  }
}

function readVerified(dir: string, shown: string, file: string, expected: string): string {
  let text: string
  try {
    text = readFileSync(inside(dir, shown, file), 'utf8')
  } catch (error) {
    throw broken(shown, (error as Error).message)
  }
  if (checksum(text) !== expected) throw broken(shown, `${join(shown, file)} is not the file that was compiled`)
  return text
}

/** The path of a file, which must not lead out of the folder, whoever wrote the manifest. */
function inside(dir: string, shown: string, file: string): string {
  if (/(^|[/\\])\.\.([/\\]|$)|^[/\\]/.test(file)) throw broken(shown, `${file} is not in it`)
  return resolve(dir, file)
}
