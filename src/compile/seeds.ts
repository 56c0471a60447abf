import { readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Problem } from '../errors.ts'
import type { Seed, SeedBundle } from '../migrations/migration.ts'
import { parseCsvName } from './csv.ts'
import { compareNatural } from './names.ts'
import { readText, requireFolder } from './files.ts'
import { invalid, wholeScript } from './source.ts'
import { loadParser, parseSql } from './sql.ts'
import { checksum, checksumOfFile, digest } from './text.ts'

/** The environments that a seeds folder has folders for. */
export function listEnvironments(dir: string): string[] {
  return readdirSync(dir)
    .filter((entry) => !entry.startsWith('.') && isFolder(join(dir, entry)))
    .sort(compareNatural)
}

/** Compiles the seeds of one environment in memory; throws one INVALID with every problem of every file. */
export async function compileSeeds(dir: string, environment: string, shown = dir): Promise<SeedBundle> {
  requireFolder(dir, shown, 'seeds', 'UPFRONT_SEEDS_DIR')
  await loadParser()
  const problems: Problem[] = []
  const names = [...listFiles(dir, shown, '', problems)]
  if (environment !== '' && isFolder(join(dir, environment)))
    names.push(...listFiles(dir, shown, environment, problems))
  const seeds = names.flatMap((name) => compileSeed(dir, shown, name, problems))
  if (problems.length > 0) throw invalid(shown, problems)
  return { environment, digest: digest(seeds), list: async () => seeds }
}

function listFiles(dir: string, shown: string, folder: string, problems: Problem[]): string[] {
  const files: string[] = []
  for (const file of readdirSync(join(dir, folder)).sort(compareNatural)) {
    const name = folder === '' ? file : `${folder}/${file}`
    if (/^(\.|readme\b)/i.test(file) || file.endsWith('.d.ts') || isFolder(join(dir, name))) continue
    if (/\.(sql|csv|[cm]?[jt]s)$/.test(file)) files.push(name)
    else problems.push({ what: `${join(shown, name)} is not a seed`, next: 'Seeds are .sql, .csv, .ts and .js files.' })
  }
  return files
}

function compileSeed(dir: string, shown: string, name: string, problems: Problem[]): Seed[] {
  const path = resolve(dir, name)
  const file = join(shown, name)
  if (name.endsWith('.csv')) return compileCsv(path, file, name, problems)
  const read = readText(path, file)
  if ('problem' in read) {
    problems.push(read.problem)
    return []
  }
  const sum = checksum(read.text)
  if (!name.endsWith('.sql')) return [{ name, file, checksum: sum, script: { kind: 'module', path } }]
  const parsed = parseSql(file, read.text)
  problems.push(...parsed.problems)
  for (const alone of parsed.aloneNames) {
    const what = `${alone.name} cannot run inside a transaction, and a seed runs as one`
    problems.push({ what, place: alone.place, next: 'Make it a migration.' })
  }
  const { statements } = parsed
  return [{ name, file, checksum: sum, script: wholeScript(read.text, true, statements) }]
}

function compileCsv(path: string, file: string, name: string, problems: Problem[]): Seed[] {
  const table = parseCsvName(name)
  if (table === null) {
    const next = 'Name it <digits>_<table>.csv or <digits>_<schema>.<table>.csv, for example 010_core.users.csv.'
    problems.push({ what: `${file} does not say which table it is for`, next })
    return []
  }
  return [{ name, file, checksum: checksumOfFile(path), script: { kind: 'csv', path, ...table } }]
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
