import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Allowance, judgeText } from '../checks/allowances.ts'
import { type Catalog, emptyCatalog, nextFile } from '../checks/declared.ts'
import { finding } from '../checks/finding.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import { Failure, type Problem } from '../errors.ts'
import type { Bundle, Migration } from '../migration.ts'
import { loadParser } from '../sql/parser.ts'
import { type AllowFile, readAllowFile, tellStrangers } from './allow-file.ts'
import { compileDown } from './down.ts'
import { readText, requireFolder } from './files.ts'
import { type SourceMigration, listPlain } from './layouts/plain.ts'
import { type SqlFile, compileSqlFile } from './sql-file.ts'
import { checksum, digest } from './text.ts'

/** A folder of migrations, compiled in memory, with all that was found. */
export interface CompiledMigrations {
  readonly migrations: readonly CompiledMigration[]
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
  /** Lines of `upfront.allow` for what is not there. */
  readonly warnings: readonly Problem[]
  /** All that is allowed in the folder; those of one migration are in `migrations` as well. */
  readonly allowances: readonly Allowance[]
}

export interface CompiledMigration {
  readonly migration: Migration
  /** Absolute, of the source. */
  readonly path: string
  /** Absent for a module. */
  readonly sql?: SqlFile
  readonly allowances: readonly Allowance[]
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
  const names = sources.map(({ name }) => name)
  const allow = readAllowFile(dir, shown, names)
  const problems = [...found, ...allow.problems]
  const notices: Problem[] = []
  const allowances: Allowance[] = [...allow.lines]
  const catalog = emptyCatalog()
  const migrations = sources.flatMap((source) => {
    nextFile(catalog)
    const one = compileMigration({ dir, shown, source, allow }, catalog)
    problems.push(...one.problems)
    notices.push(...one.notices)
    allowances.push(...one.own)
    return one.compiled ? [one.compiled] : []
  })
  if (sources.length === 0 && problems.length === 0) throw emptyFolder(dir, shown)
  return { migrations, problems, notices, warnings: tellStrangers(allow, names), allowances }
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
  readonly own: readonly Allowance[]
}

interface InFolder {
  readonly dir: string
  readonly shown: string
  readonly source: SourceMigration
  readonly allow: AllowFile
}

function compileMigration({ dir, shown, source, allow }: InFolder, catalog: Catalog): One {
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const { name } = source
  const subject = { name, allowFile: join(shown, allowFile), allowances: allow.of(name) }
  if (source.kind === 'module') {
    const read = readText(path, file)
    if ('problem' in read) return { problems: [{ ...read.problem, name }], notices: [], own: [] }
    const { sql: down, ...rest } = compileDown({ ...subject, dir, shown, source, section: null, ofFile: [] })
    // What it does is known when it runs.
    const allowed = judgeText([], subject, [], true).allow
    const script = { kind: 'module', path } as const
    const migration = { name, file, checksum: checksum(read.text), script, creates: [], down, allow: allowed }
    return { compiled: { migration, path, allowances: subject.allowances }, ...rest }
  }
  const { sql, section, problems, own } = compileSqlFile({ ...subject, path, file, role: 'migration' }, catalog)
  const down = compileDown({ ...subject, dir, shown, source, section, ofFile: own })
  const all = { problems: [...problems, ...down.problems], own: [...own, ...down.own] }
  if (!sql) return { ...all, notices: down.notices }
  const { script, creates } = sql
  const migration = { name, file, checksum: sql.checksum, script, creates, down: down.sql, allow: sql.allow }
  const compiled = { migration, path, sql, allowances: [...own, ...subject.allowances] }
  return { compiled, ...all, notices: [...sql.notices, ...down.notices] }
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
