import { join, resolve } from 'node:path'
import { type Allowance, impliedAllowances, judgeText, readOwnAllowances, unlessAllowed } from '../checks/allowances.ts'
import { type Declared, nothingDeclared, nextFile } from '../checks/declared.ts'
import { readDirectives } from '../checks/directives.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import { refuseStrayMark } from '../checks/stray-contract-mark.ts'
import type { Problem } from '../errors.ts'
import type { Bundle, Format, Identity, Migration, OpenedDown, Origin } from '../migration.ts'
import { loadParser } from '../sql/parser.ts'
import { placesIn } from '../sql/position.ts'
import { type AllowFile, readAllowFile, warnOfUnknownNames } from './allow-file.ts'
import { type Asserted, compileAssertion } from './assertion.ts'
import { compileDown, leaveOutWrong } from './down.ts'
import { readText } from './files.ts'
import { askWhose } from './foreign/ask-whose.ts'
import { foreignFile } from './foreign/foreign-file.ts'
import { knowCode, knowSql } from './foreign/unrunnable.ts'
import { isForeign } from './layouts/choose.ts'
import type { Layout, SourceMigration } from './layouts/layout.ts'
import { invalid, refuseUnrunnable } from './invalid.ts'
import { bearsContractMark } from './identify.ts'
import { type MigrationsFolder, identifySource, isContract, listSources, traceSource } from './migrations.ts'
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
  /** What is wrong in files of another tool, which are known all the same and cannot run. */
  readonly unrunnable: readonly Problem[]
  /** All that is allowed in the folder; those of one migration are in `migrations` as well. */
  readonly allowances: readonly Allowance[]
}

export interface CompiledMigration {
  readonly migration: Migration
  /** Absolute, of the source. */
  readonly path: string
  /** Absent for a module. */
  readonly sql?: SqlFile
  /** Absent for most. */
  readonly asserted?: Asserted
  readonly allowances: readonly Allowance[]
}

/** All migrations of a folder, and whose it is. */
export interface CheckedMigrations extends CompiledMigrations {
  readonly format: Format
  /** As of a bundle. */
  readonly appliesLate: boolean | undefined
  /** The names of those that run again whenever they have changed. */
  readonly repeatable: ReadonlySet<string>
  /** What the tool's history says of each; empty for a folder of ours. */
  readonly origins: ReadonlyMap<string, Origin>
}

/** A folder whose files are listed, and how. */
export interface ListedFolder {
  readonly dir: string
  readonly shown: string
  readonly layout: Layout
  readonly migrations: readonly SourceMigration[]
  readonly repeatable: readonly SourceMigration[]
}

/** Compiles migrations of a folder as they are asked for, each once. */
export function migrationCompiler(folder: ListedFolder): Pick<Bundle, 'open' | 'openDown'> {
  const { shown, migrations: once, repeatable } = folder
  const compiled = new Map<string, Migration>()
  const compileNow = async (which: readonly Identity[]) => {
    const wanted = new Map(which.map((one) => [one.name.normalize('NFC'), one]))
    const { migrations, problems } = await compileSources(folder, ({ name }) => wanted.has(name))
    const changed = migrations.flatMap(({ migration: { name, file, checksum: now } }) =>
      now === wanted.get(name)?.checksum
        ? []
        : [{ what: `${file} has changed while upfront ran`, next: 'Start it again.' }],
    )
    if (problems.length + changed.length > 0)
      throw invalid(shown, [...problems, ...changed], askWhose(folder.layout.format, problems))
    for (const { migration } of migrations) compiled.set(migration.name, migration)
  }
  return {
    open: async (which) => {
      refuseUnrunnable(shown, which)
      const fresh = which.filter(({ name }) => !compiled.has(name.normalize('NFC')))
      if (fresh.length > 0) await compileNow(fresh)
      return pickByName(which, compiled.values())
    },
    openDown: async ({ name }) => {
      await loadParser()
      const source = [...once, ...repeatable].find((one) => one.name === name.normalize('NFC'))
      return source && !source.cannotRun ? compileDownAlone(folder, source) : { sql: null, module: null, allow: [] }
    },
  }
}

/** Every migration of a folder, with all that was found; throws INVALID only when there is no folder, or nothing in it. */
export async function checkMigrations(folder: MigrationsFolder): Promise<CheckedMigrations> {
  const { migrations, repeatable, layout, problems, notices, appliesLate } = await listSources(folder)
  const compiled = await compileSources({ ...folder, layout, migrations, repeatable }, () => true, 'all')
  const sources = [...migrations, ...repeatable]
  return {
    ...compiled,
    format: layout.format,
    appliesLate,
    repeatable: new Set(repeatable.map(({ name }) => name)),
    origins: new Map(isForeign(layout) ? sources.map((source) => traceSource(folder.dir, source)) : []),
    problems: [...problems, ...compiled.problems],
    notices: [...notices, ...compiled.notices],
  }
}

async function compileSources(
  folder: ListedFolder,
  isWanted: (source: SourceMigration) => boolean,
  which: InFolder['which'] = 'pending',
): Promise<CompiledMigrations> {
  const { dir, shown, repeatable } = folder
  await loadParser()
  const sources = [...folder.migrations, ...repeatable]
  const names = sources.map(({ name }) => name)
  const allow = readAllowFile(dir, shown, names)
  const problems = [...allow.problems]
  const [notices, unrunnable]: [Problem[], Problem[]] = [[], []]
  const allowances: Allowance[] = [...allow.lines]
  const declared = nothingDeclared()
  const migrations = sources.filter(isWanted).flatMap((source) => {
    nextFile(declared)
    // Other tools leave their transaction for these as well.
    const role = repeatable.includes(source) && !isForeign(folder.layout) ? 'repeatable' : 'migration'
    const compiled = compileMigration({ ...folder, source, allow, role, which }, declared)
    const one = withPhase(compiled, source, repeatable.includes(source))
    problems.push(...one.problems)
    unrunnable.push(...(one.unrunnable ?? []))
    notices.push(...one.notices)
    allowances.push(...one.own)
    return one.compiled ? [one.compiled] : []
  })
  return { migrations, problems, notices, warnings: warnOfUnknownNames(allow, names), unrunnable, allowances }
}

/** Says of a migration that it waits until nothing of the version before is left, or where it should and does not. */
function withPhase(one: One, source: SourceMigration, isAgain: boolean): One {
  const { compiled, notices } = one
  if (!compiled || isAgain) return { ...one, notices: unlessAllowed(notices, 'needs-contract') }
  if (!isContract(source, () => bearsContractMark(compiled.path)))
    return { ...one, notices: unlessAllowed(notices, 'needs-contract', compiled.allowances) }
  const migration = { ...compiled.migration, contract: true } as const
  return { ...one, compiled: { ...compiled, migration }, notices: unlessAllowed(notices, 'needs-contract') }
}

interface One {
  readonly compiled?: CompiledMigration
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
  readonly unrunnable?: readonly Problem[]
  readonly own: readonly Allowance[]
}

interface InFolder extends ListedFolder {
  readonly source: SourceMigration
  readonly role: 'migration' | 'repeatable'
  readonly allow: AllowFile
  /** What is pending has to run; of all there are nobody knows whether they have to. */
  readonly which: 'pending' | 'all'
}

function compileMigration(folder: InFolder, declared: Declared): One {
  const { dir, shown, layout, source, allow, role, which } = folder
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const { name, cannotRun } = source
  if (cannotRun) return compileCode({ name, file, cannotRun }, path)
  const foreign = foreignFile(layout, source)
  const allowances = [...allow.of(name), ...impliedAllowances(layout.format, file)]
  const subject = { name, allowFile: join(shown, allowFile), allowances }
  const { asserted, ...found } = compileAssertion({ ...subject, dir, shown, source })
  if (source.kind === 'module') {
    const read = readText(path, file)
    if ('problem' in read) return { problems: [{ ...read.problem, name }], notices: [], own: [] }
    const stray = refuseStrayMark(source.file, read.text)
    if (stray) return { problems: [{ ...stray, name }], notices: [], own: [] }
    const { sql: down, ...rest } = compileDown({ ...subject, dir, shown, source, section: null, ofFile: [] })
    // What a module does is known only when it runs.
    const allowed = judgeText([], subject, [], true).allow
    const script = { kind: 'module', path } as const
    const migration = { name, file, checksum: checksum(read.text), script, creates: [], down, allow: allowed }
    return together({ compiled: { migration, path, allowances: subject.allowances }, ...rest }, found, asserted)
  }
  const { sql, section, problems, own } = compileSqlFile({ ...subject, path, file, role, foreign }, declared)
  const way = compileDown({ ...subject, dir, shown, source, section, ofFile: own })
  const down = foreign ? leaveOutWrong(way, name) : way
  const all = { problems: [...problems, ...down.problems], own: [...own, ...down.own] }
  if (!sql && which === 'all' && layout.format !== 'plain') {
    const identified = identifySource(folder, source, folder.repeatable.includes(source))
    if ('problem' in identified) return together({ ...all, notices: down.notices }, found)
    const known = knowSql({ name, file, checksum: identified.checksum, down: down.sql }, path, problems)
    const rest = { problems: down.problems, notices: down.notices, own: all.own, unrunnable: problems }
    return together({ compiled: { migration: known, path, allowances: [] }, ...rest }, found)
  }
  if (!sql) return together({ ...all, notices: down.notices }, found)
  const { script, creates } = sql
  const migration = { name, file, checksum: sql.checksum, script, creates, down: down.sql, allow: sql.allow }
  const compiled = { migration, path, sql, allowances: [...own, ...subject.allowances] }
  return together({ compiled, ...all, notices: [...sql.notices, ...down.notices] }, found, asserted)
}

/** A migration with what has to be true behind it. */
function together(one: One, found: Omit<One, 'compiled'>, asserted?: Asserted): One {
  const all = {
    problems: [...one.problems, ...found.problems],
    notices: [...one.notices, ...found.notices],
    own: [...one.own, ...found.own],
  }
  if (!one.compiled || !asserted) return { ...one, ...all }
  const { migration } = one.compiled
  const allow = [...new Set([...(migration.allow ?? []), ...asserted.allow])]
  const { assertion } = asserted
  return { ...all, compiled: { ...one.compiled, asserted, migration: { ...migration, assertion, allow } } }
}

function compileCode(one: Parameters<typeof knowCode>[0], path: string): One {
  const code = knowCode(one, path)
  if ('problem' in code) return { problems: [code.problem], notices: [], own: [] }
  return { compiled: { migration: code.known, path, allowances: [] }, problems: [], notices: [code.notice], own: [] }
}

/** The down alone: its migration has run, and is not judged any more. */
function compileDownAlone({ dir, shown, layout }: ListedFolder, source: SourceMigration): OpenedDown {
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const allow = readAllowFile(dir, shown, [source.name])
  const foreign = foreignFile(layout, source)
  const allowances = [...allow.of(source.name), ...impliedAllowances(layout.format, file)]
  const subject = { name: source.name, allowFile: join(shown, allowFile), allowances }
  const ends = source.kind === 'module' ? { beginning: '', section: null } : readEnds(path, file, foreign)
  if ('problem' in ends) throw invalid(shown, [{ ...ends.problem, name: source.name }])
  const { beginning, section } = ends
  const { own } = readOwnAllowances(readDirectives(beginning), placesIn(file, beginning))
  const { sql, problems } = compileDown({ ...subject, dir, shown, source, section, ofFile: own })
  if (problems.length > 0) throw invalid(shown, problems)
  const { allow: allowed } = judgeText([], subject, own, true)
  return { sql, module: source.kind === 'module' ? { kind: 'module', path } : null, allow: allowed }
}
