import { join, resolve } from 'node:path'
import { type Allowance, judgeText, readOwnAllowances } from '../checks/allowances.ts'
import { type Declared, nothingDeclared, nextFile } from '../checks/declared.ts'
import { readDirectives } from '../checks/directives.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import type { Problem } from '../errors.ts'
import type { Bundle, Identity, Migration, OpenedDown } from '../migration.ts'
import { loadParser } from '../sql/parser.ts'
import { placesIn } from '../sql/position.ts'
import { type AllowFile, readAllowFile, warnOfUnknownNames } from './allow-file.ts'
import { compileDown } from './down.ts'
import { readText } from './files.ts'
import type { SourceMigration } from './layouts/layout.ts'
import { invalid, listSources } from './migrations.ts'
import { pickByName } from './pick-by-name.ts'
import { type SqlFile, compileSqlFile, readEnds } from './sql-file.ts'
import { checksum } from './text.ts'

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

/** Compiles migrations of a folder as they are asked for, each once. */
export function migrationCompiler(
  dir: string,
  shown: string,
  sources: readonly SourceMigration[],
): Pick<Bundle, 'open' | 'openDown'> {
  const compiled = new Map<string, Migration>()
  const compileNow = async (which: readonly Identity[]) => {
    const wanted = new Map(which.map((one) => [one.name.normalize('NFC'), one]))
    const { migrations, problems } = await compileSources(dir, shown, sources, ({ name }) => wanted.has(name))
    const changed = migrations.flatMap(({ migration: { name, file, checksum: now } }) =>
      now === wanted.get(name)?.checksum ? [] : [hasChanged(file)],
    )
    if (problems.length + changed.length > 0) throw invalid(shown, [...problems, ...changed])
    for (const { migration } of migrations) compiled.set(migration.name, migration)
  }
  return {
    open: async (which) => {
      const fresh = which.filter(({ name }) => !compiled.has(name.normalize('NFC')))
      if (fresh.length > 0) await compileNow(fresh)
      return pickByName(which, compiled.values())
    },
    openDown: async ({ name }) => {
      await loadParser()
      const source = sources.find((one) => one.name === name.normalize('NFC'))
      return source ? compileDownAlone(dir, shown, source) : { sql: null, module: null, allow: [] }
    },
  }
}

function hasChanged(file: string): Problem {
  return { what: `${file} has changed while upfront ran`, next: 'Start it again.' }
}

/** Every migration of a folder, with all that was found; throws INVALID only when there is no folder, or nothing in it. */
export async function checkMigrations(dir: string, shown = dir): Promise<CompiledMigrations> {
  const { migrations: sources, problems } = listSources(dir, shown)
  const compiled = await compileSources(dir, shown, sources, () => true)
  return { ...compiled, problems: [...problems, ...compiled.problems] }
}

async function compileSources(
  dir: string,
  shown: string,
  sources: readonly SourceMigration[],
  isWanted: (source: SourceMigration) => boolean,
): Promise<CompiledMigrations> {
  await loadParser()
  const names = sources.map(({ name }) => name)
  const allow = readAllowFile(dir, shown, names)
  const problems = [...allow.problems]
  const notices: Problem[] = []
  const allowances: Allowance[] = [...allow.lines]
  const declared = nothingDeclared()
  const migrations = sources.filter(isWanted).flatMap((source) => {
    nextFile(declared)
    const one = compileMigration({ dir, shown, source, allow }, declared)
    problems.push(...one.problems)
    notices.push(...one.notices)
    allowances.push(...one.own)
    return one.compiled ? [one.compiled] : []
  })
  return { migrations, problems, notices, warnings: warnOfUnknownNames(allow, names), allowances }
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

function compileMigration({ dir, shown, source, allow }: InFolder, declared: Declared): One {
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const { name } = source
  const subject = { name, allowFile: join(shown, allowFile), allowances: allow.of(name) }
  if (source.kind === 'module') {
    const read = readText(path, file)
    if ('problem' in read) return { problems: [{ ...read.problem, name }], notices: [], own: [] }
    const { sql: down, ...rest } = compileDown({ ...subject, dir, shown, source, section: null, ofFile: [] })
    // What a module does is known only when it runs.
    const allowed = judgeText([], subject, [], true).allow
    const script = { kind: 'module', path } as const
    const migration = { name, file, checksum: checksum(read.text), script, creates: [], down, allow: allowed }
    return { compiled: { migration, path, allowances: subject.allowances }, ...rest }
  }
  const { sql, section, problems, own } = compileSqlFile({ ...subject, path, file, role: 'migration' }, declared)
  const down = compileDown({ ...subject, dir, shown, source, section, ofFile: own })
  const all = { problems: [...problems, ...down.problems], own: [...own, ...down.own] }
  if (!sql) return { ...all, notices: down.notices }
  const { script, creates } = sql
  const migration = { name, file, checksum: sql.checksum, script, creates, down: down.sql, allow: sql.allow }
  const compiled = { migration, path, sql, allowances: [...own, ...subject.allowances] }
  return { compiled, ...all, notices: [...sql.notices, ...down.notices] }
}

/** The down alone: its migration has run, and is not judged any more. */
function compileDownAlone(dir: string, shown: string, source: SourceMigration): OpenedDown {
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const allow = readAllowFile(dir, shown, [source.name])
  const subject = { name: source.name, allowFile: join(shown, allowFile), allowances: allow.of(source.name) }
  const ends = source.kind === 'module' ? { beginning: '', section: null } : readEnds(path, file)
  if ('problem' in ends) throw invalid(shown, [{ ...ends.problem, name: source.name }])
  const { beginning, section } = ends
  const { own } = readOwnAllowances(readDirectives(beginning), placesIn(file, beginning))
  const { sql, problems } = compileDown({ ...subject, dir, shown, source, section, ofFile: own })
  if (problems.length > 0) throw invalid(shown, problems)
  const { allow: allowed } = judgeText([], subject, own, true)
  return { sql, module: source.kind === 'module' ? { kind: 'module', path } : null, allow: allowed }
}
