import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Problem } from '../errors.ts'
import type { Seed, SeedBundle } from '../migrations/migration.ts'
import { emptyCatalog } from './catalog.ts'
import { finding } from './checks/finding.ts'
import { parseCsvName } from './csv.ts'
import { readText, requireFolder } from './files.ts'
import { compareNatural } from './names.ts'
import { loadParser } from './parser.ts'
import { invalid } from './source.ts'
import { type SqlFile, compileSqlFile } from './sql-file.ts'
import { checksum, checksumOfFile, digest } from './text.ts'

/** A seed, and what the bundle keeps of it when it is SQL. */
export interface CompiledSeed {
  readonly seed: Seed
  readonly sql?: SqlFile
}

/** The environments that a seeds folder has folders for. */
export function listEnvironments(dir: string): string[] {
  return readdirSync(dir)
    .filter((entry) => !entry.startsWith('.') && isFolder(join(dir, entry)))
    .sort(compareNatural)
}

/** Compiles the seeds of one environment in memory; throws one INVALID with every problem of every file. */
export async function compileSeeds(dir: string, environment: string, shown = dir): Promise<SeedBundle> {
  const { own, common, problems } = await checkSeeds(dir, [environment], shown)
  if (problems.length > 0) throw invalid(shown, problems)
  return seedBundle(environment, [...common, ...(own.get(environment) ?? [])])
}

/** The bundle of some seeds, in the order in which they run. */
export function seedBundle(environment: string, compiled: readonly CompiledSeed[]): SeedBundle {
  const seeds = compiled.map(({ seed }) => seed)
  return { environment, digest: digest(seeds), list: async () => seeds }
}

/** Every seed of the folder and of these environments, each once, with all that was found. */
export async function checkSeeds(dir: string, environments: readonly string[], shown = dir) {
  requireFolder(dir, shown, 'seeds', 'UPFRONT_SEEDS_DIR')
  await loadParser()
  const problems: Problem[] = []
  const notices: Problem[] = []
  const compile = (folder: string) =>
    listFiles(dir, shown, folder, problems).flatMap((name) => compileSeed(dir, shown, name, problems, notices))
  const common = compile('')
  const folders = environments.filter((environment) => environment !== '' && isFolder(join(dir, environment)))
  const own = new Map(folders.map((environment) => [environment, compile(environment)]))
  return { common, own, problems, notices }
}

function listFiles(dir: string, shown: string, folder: string, problems: Problem[]): string[] {
  const files: string[] = []
  for (const file of readdirSync(join(dir, folder)).sort(compareNatural)) {
    const name = folder === '' ? file : `${folder}/${file}`
    if (/^(\.|readme\b)/i.test(file) || file.endsWith('.d.ts') || isFolder(join(dir, name))) continue
    if (/\.(sql|csv|[cm]?[jt]s)$/.test(file)) files.push(name)
    else {
      const what = `${join(shown, name)} is not a seed`
      problems.push(finding('file-name', what, undefined, 'Seeds are .sql, .csv, .ts and .js files.'))
    }
  }
  return files
}

function compileSeed(
  dir: string,
  shown: string,
  name: string,
  problems: Problem[],
  notices: Problem[],
): CompiledSeed[] {
  const path = resolve(dir, name)
  const file = join(shown, name)
  if (name.endsWith('.csv')) return compileCsv(path, file, name, problems)
  if (name.endsWith('.sql')) {
    const { sql, problems: found } = compileSqlFile(path, file, 'seed', emptyCatalog())
    problems.push(...found)
    if (!sql) return []
    notices.push(...sql.notices)
    return [{ seed: { name, file, checksum: sql.checksum, script: sql.script }, sql }]
  }
  const read = readText(path, file)
  if ('text' in read) return [{ seed: { name, file, checksum: checksum(read.text), script: { kind: 'module', path } } }]
  problems.push(read.problem)
  return []
}

function compileCsv(path: string, file: string, name: string, problems: Problem[]): CompiledSeed[] {
  const table = parseCsvName(name)
  if (table !== null)
    return [{ seed: { name, file, checksum: checksumOfFile(path), script: { kind: 'csv', path, ...table } } }]
  const next = 'Name it <digits>_<table>.csv or <digits>_<schema>.<table>.csv, for example 010_core.users.csv.'
  problems.push(finding('file-name', `${file} does not say which table it is for`, undefined, next))
  return []
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
