import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Failure, type Problem } from '../errors.ts'
import type { Bundle, Migration } from '../migrations/migration.ts'
import { type Catalog, emptyCatalog, nextFile } from './catalog.ts'
import { finding } from './checks/finding.ts'
import { compileDown } from './down.ts'
import { readText, requireFolder } from './files.ts'
import { type SourceMigration, listPlain } from './layouts/plain.ts'
import { loadParser } from './parser.ts'
import { type SqlFile, compileSqlFile } from './sql-file.ts'
import { checksum, digest } from './text.ts'

/** A folder of migrations, compiled in memory, with all that was found. */
export interface CompiledMigrations {
  readonly migrations: readonly CompiledMigration[]
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
}

export interface CompiledMigration {
  readonly migration: Migration
  /** Absolute, of the source. */
  readonly path: string
  /** Absent for a module. */
  readonly sql?: SqlFile
}

/** Compiles a folder of migrations in memory; throws one INVALID with every problem of every file. */
export async function compileMigrations(dir: string, shown = dir): Promise<Bundle> {
  const { migrations: compiled, problems } = await checkMigrations(dir, shown)
  if (problems.length > 0) throw invalid(shown, problems)
  const migrations = compiled.map(({ migration }) => migration)
  return { dir: shown, digest: digest(migrations), count: migrations.length, list: async () => migrations }
}

/** The same, answering the problems; throws INVALID only when there is no folder, or nothing in it. */
export async function checkMigrations(dir: string, shown = dir): Promise<CompiledMigrations> {
  requireFolder(dir, shown, 'migrations', 'UPFRONT_MIGRATIONS_DIR')
  const { migrations: sources, problems: found } = listPlain(dir, shown)
  await loadParser()
  const problems = [...found]
  const notices: Problem[] = []
  const catalog = emptyCatalog()
  const migrations = sources.flatMap((source) => {
    nextFile(catalog)
    const one = compileMigration(dir, shown, source, catalog)
    problems.push(...one.problems)
    notices.push(...one.notices)
    return one.compiled ? [one.compiled] : []
  })
  if (sources.length === 0 && problems.length === 0) throw emptyFolder(dir, shown)
  return { migrations, problems, notices }
}

/** INVALID with all that was found, each with its place. */
export function invalid(dir: string, problems: readonly Problem[]): Failure {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  return new Failure('INVALID', `${count} in ${dir}; the database was not touched`, { problems })
}

interface One {
  readonly compiled?: CompiledMigration
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
}

function compileMigration(dir: string, shown: string, source: SourceMigration, catalog: Catalog): One {
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const { name } = source
  if (source.kind === 'module') {
    const read = readText(path, file)
    if ('problem' in read) return { problems: [read.problem], notices: [] }
    const { sql: down, problems, notices } = compileDown(dir, shown, source, null)
    const script = { kind: 'module', path } as const
    const migration = { name, file, checksum: checksum(read.text), script, creates: [], down }
    return { compiled: { migration, path }, problems, notices }
  }
  const { sql, section, problems } = compileSqlFile(path, file, 'migration', catalog)
  const down = compileDown(dir, shown, source, section)
  const all = [...problems, ...down.problems]
  if (!sql) return { problems: all, notices: down.notices }
  const migration = { name, file, checksum: sql.checksum, script: sql.script, creates: sql.creates, down: down.sql }
  return { compiled: { migration, path, sql }, problems: all, notices: [...sql.notices, ...down.notices] }
}

/** Other tools keep a folder for each migration: an empty answer would be a green deploy of nothing. */
function emptyFolder(dir: string, shown: string): Failure {
  const nested = readdirSync(dir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
  )
  const { what, next } = finding(
    'file-name',
    `there are no migrations in ${shown}`,
    undefined,
    'Put files named <digits>_<words>.sql there, for example 0001_users.sql.',
  )
  return new Failure('INVALID', what, {
    ...(nested.length > 0 ? { reason: `it holds folders only, such as ${nested[0]!.name}/` } : {}),
    ...(next ? { next } : {}),
  })
}
