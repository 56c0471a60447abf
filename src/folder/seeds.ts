import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { finding } from '../checks/finding.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import { refuseSpellings } from '../checks/rules/spelling.ts'
import type { Problem } from '../errors.ts'
import type { Identity, SeedBundle } from '../migration.ts'
import { requireOpen } from './closed.ts'
import { parseCsvName } from './csv-name.ts'
import { requireFolder, unreadable } from './files.ts'
import { identify } from './identify.ts'
import { invalid } from './invalid.ts'
import { compareNatural } from './names.ts'
import { checksumOfFile, digest } from './text.ts'

/** A seed's identity, and where it is on the disk, which may spell it otherwise. */
export interface SourceSeed {
  readonly name: string
  readonly file: string
}

/** The seeds of one environment by names and checksums, as openFolder() has migrations. */
export function openSeedsFolder(dir: string, environment: string, shown = dir): SeedBundle {
  const { common, own, problems } = listSeedFiles(dir, [environment], shown)
  const sources = [...common, ...(own.get(environment) ?? [])]
  const identities = sources.flatMap(({ name, file }): Identity | [] => {
    const path = join(shown, file)
    const found = name.endsWith('.csv')
      ? identifyCsv(resolve(dir, file), path)
      : identify(resolve(dir, file), path, false)
    if ('checksum' in found) return { name, file: path, checksum: found.checksum }
    problems.push({ ...found.problem, name })
    return []
  })
  if (problems.length > 0) throw invalid(shown, problems)
  let compiling: Promise<SeedBundle['open']> | undefined
  const compiler = () =>
    (compiling ??= import('./compile-seeds.ts').then(({ seedCompiler }) => seedCompiler(dir, shown, sources)))
  return {
    environment,
    digest: digest(identities),
    list: async () => identities,
    open: async (which) => (which.length === 0 ? [] : (await compiler())(which)),
  }
}

function identifyCsv(path: string, shown: string): { readonly checksum: string } | { readonly problem: Problem } {
  try {
    return { checksum: checksumOfFile(path) }
  } catch (error) {
    return { problem: unreadable(shown, error) }
  }
}

/** The environments that a seeds folder has folders for. */
export function listEnvironments(dir: string): string[] {
  return readdirSync(dir)
    .filter((entry) => !entry.startsWith('.') && isFolder(join(dir, entry)))
    .sort(compareNatural)
}

/** The seeds of the folder itself and of these environments as files, and what is wrong with their names. */
export function listSeedFiles(dir: string, environments: readonly string[], shown: string) {
  requireFolder(dir, shown, 'seeds', 'UPFRONT_SEEDS_DIR')
  const problems: Problem[] = []
  const common = listFiles(dir, shown, '', problems)
  const own = new Map<string, readonly SourceSeed[]>()
  for (const environment of environments) {
    const folder = environment === '' ? undefined : findFolder(dir, environment)
    if (folder !== undefined) own.set(environment, listFiles(dir, shown, folder, problems))
  }
  return { common, own, problems }
}

function listFiles(dir: string, shown: string, folder: string, problems: Problem[]): SourceSeed[] {
  const files: SourceSeed[] = []
  requireOpen(join(dir, folder), join(shown, folder))
  for (const entry of readdirSync(join(dir, folder)).sort(compareNatural)) {
    const file = folder === '' ? entry : `${folder}/${entry}`
    const name = file.normalize('NFC')
    if (/^(\.|readme\b)/i.test(entry) || entry.endsWith('.d.ts') || isFolder(join(dir, file))) continue
    if (file === allowFile) continue
    const same = files.find((one) => one.name === name)
    if (same) problems.push(refuseSpellings(name, [join(shown, same.file), join(shown, file)]))
    else if (entry.endsWith('.csv') && parseCsvName(name) === null) problems.push(noTable(name, join(shown, file)))
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

function noTable(name: string, file: string): Problem {
  const next = 'Name it <digits>_<table>.csv or <digits>_<schema>.<table>.csv, for example 010_core.users.csv.'
  return { ...finding('file-name', `${file} does not say which table it is for`, undefined, next), name }
}

/** The folder of an environment, however the file system spells it. */
function findFolder(dir: string, environment: string): string | undefined {
  if (isFolder(join(dir, environment))) return environment
  return listEnvironments(dir).find((entry) => entry.normalize('NFC') === environment.normalize('NFC'))
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
