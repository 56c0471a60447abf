import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Allowance, judgeText } from '../checks/allowances.ts'
import { emptyCatalog } from '../checks/declared.ts'
import { finding } from '../checks/finding.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import { refuseSpellings } from '../checks/rules/spelling.ts'
import type { Problem } from '../errors.ts'
import type { Seed, SeedBundle } from '../migration.ts'
import { loadParser } from '../sql/parser.ts'
import { type AllowFile, readAllowFile, tellStrangers } from './allow-file.ts'
import { parseCsvName } from './csv-name.ts'
import { readText, requireFolder } from './files.ts'
import { invalid } from './migrations.ts'
import { compareNatural } from './names.ts'
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
  const list = (folder: string) => listFiles(dir, shown, folder, problems)
  const commonFiles = list('')
  const ownFiles = environments.flatMap((environment) => {
    const folder = environment === '' ? undefined : findFolder(dir, environment)
    return folder === undefined ? [] : [[environment, list(folder)] as const]
  })
  const names = [...commonFiles, ...ownFiles.flatMap(([, files]) => files)].map(({ name }) => name)
  const allow = readAllowFile(dir, shown, names)
  problems.push(...allow.problems)
  const allowances: Allowance[] = [...allow.lines]
  const compile = (files: readonly SourceSeed[]) =>
    files.flatMap((source) => {
      const one = compileSeed({ dir, shown, source, allow })
      problems.push(...one.problems)
      notices.push(...one.notices)
      allowances.push(...one.own)
      return one.compiled ? [one.compiled] : []
    })
  const common = compile(commonFiles)
  const own = new Map(ownFiles.map(([environment, files]) => [environment, compile(files)]))
  return { common, own, problems, notices, warnings: tellStrangers(allow, names), allowances }
}

/** A seed's identity, and where it is on the disk, which may spell it otherwise. */
interface SourceSeed {
  readonly name: string
  readonly file: string
}

function listFiles(dir: string, shown: string, folder: string, problems: Problem[]): SourceSeed[] {
  const files: SourceSeed[] = []
  for (const entry of readdirSync(join(dir, folder)).sort(compareNatural)) {
    const file = folder === '' ? entry : `${folder}/${entry}`
    const name = file.normalize('NFC')
    if (/^(\.|readme\b)/i.test(entry) || entry.endsWith('.d.ts') || isFolder(join(dir, file))) continue
    if (file === allowFile) continue
    const same = files.find((one) => one.name === name)
    if (same) problems.push(refuseSpellings(name, [join(shown, same.file), join(shown, file)]))
    else if (/\.(sql|csv|[cm]?[jt]s)$/.test(entry)) files.push({ name, file })
    else {
      const what = `${join(shown, file)} is not a seed`
      const next =
        entry === allowFile
          ? `Put its lines into ${join(shown, allowFile)}.`
          : 'Seeds are .sql, .csv, .ts and .js files.'
      problems.push(finding('file-name', what, undefined, next))
    }
  }
  return files.sort((a, b) => compareNatural(a.name, b.name))
}

interface One {
  readonly compiled?: CompiledSeed
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
  readonly own: readonly Allowance[]
}

function compileSeed({ dir, shown, source, allow }: InFolder): One {
  const { name } = source
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const subject = { name, allowFile: join(shown, allowFile), allowances: allow.of(name) }
  if (name.endsWith('.csv')) return { ...compileCsv(path, file, name), notices: [], own: [] }
  if (name.endsWith('.sql')) {
    const { sql, problems, own } = compileSqlFile({ ...subject, path, file, role: 'seed' }, emptyCatalog())
    if (!sql) return { problems, notices: [], own }
    const seed = { name, file, checksum: sql.checksum, script: sql.script, allow: sql.allow }
    return { compiled: { seed, sql }, problems, notices: sql.notices, own }
  }
  const read = readText(path, file)
  if ('problem' in read) return { problems: [{ ...read.problem, name }], notices: [], own: [] }
  const { allow: allowed } = judgeText([], subject, [], true)
  const seed = { name, file, checksum: checksum(read.text), script: { kind: 'module', path } as const, allow: allowed }
  return { compiled: { seed }, problems: [], notices: [], own: [] }
}

interface InFolder {
  readonly dir: string
  readonly shown: string
  readonly source: SourceSeed
  readonly allow: AllowFile
}

function compileCsv(path: string, file: string, name: string): Pick<One, 'compiled' | 'problems'> {
  const table = parseCsvName(name)
  if (table !== null) {
    const seed = { name, file, checksum: checksumOfFile(path), script: { kind: 'csv', path, ...table } as const }
    return { compiled: { seed }, problems: [] }
  }
  const next = 'Name it <digits>_<table>.csv or <digits>_<schema>.<table>.csv, for example 010_core.users.csv.'
  return {
    problems: [{ ...finding('file-name', `${file} does not say which table it is for`, undefined, next), name }],
  }
}

/** The folder of an environment, however the file system spells it. */
function findFolder(dir: string, environment: string): string | undefined {
  if (isFolder(join(dir, environment))) return environment
  return listEnvironments(dir).find((entry) => entry.normalize('NFC') === environment.normalize('NFC'))
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
