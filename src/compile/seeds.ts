import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Problem } from '../errors.ts'
import type { Seed, SeedBundle } from '../migrations/migration.ts'
import { compareNatural } from './names.ts'
import { invalid, readText, requireFolder } from './source.ts'
import { loadParser, parseSql } from './sql.ts'
import { checksum, digest } from './text.ts'

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
    if (file.startsWith('.') || /^readme\b/i.test(file) || isFolder(join(dir, name))) continue
    if (file.endsWith('.sql')) files.push(name)
    else problems.push({ what: `${join(shown, name)} is not a seed`, next: 'Seeds are .sql files; move others away.' })
  }
  return files
}

function compileSeed(dir: string, shown: string, name: string, problems: Problem[]): Seed[] {
  const file = join(shown, name)
  const read = readText(join(dir, name), file)
  if ('problem' in read) {
    problems.push(read.problem)
    return []
  }
  const { statements, problems: found } = parseSql(file, read.text)
  problems.push(...found)
  return [{ name, file, checksum: checksum(read.text), statements, readSql: () => read.text }]
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
