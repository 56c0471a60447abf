import { join, resolve } from 'node:path'
import { type Allowance, judgeText } from '../checks/allowances.ts'
import { nothingDeclared } from '../checks/declared.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import type { Problem } from '../errors.ts'
import type { Identity, Seed, SeedBundle } from '../migration.ts'
import { loadParser } from '../sql/parser.ts'
import { type AllowFile, readAllowFile, warnOfUnknownNames } from './allow-file.ts'
import { parseCsvName } from './csv-name.ts'
import { readText } from './files.ts'
import { invalid } from './invalid.ts'
import { pickByName } from './pick-by-name.ts'
import { type SourceSeed, listSeedFiles } from './seeds.ts'
import { type SqlFile, compileSqlFile } from './sql-file.ts'
import { checksum, checksumOfFile } from './text.ts'

/** A seed, and what the bundle keeps of it when it is SQL. */
export interface CompiledSeed {
  readonly seed: Seed
  readonly sql?: SqlFile
}

/** Compiles seeds of a folder as they are asked for, each once. */
export function seedCompiler(dir: string, shown: string, sources: readonly SourceSeed[]): SeedBundle['open'] {
  const compiled = new Map<string, Seed>()
  return async (which) => {
    const wanted = new Map(which.map((one) => [one.name.normalize('NFC'), one]))
    const fresh = sources.filter(({ name }) => wanted.has(name) && !compiled.has(name))
    if (fresh.length > 0) {
      await loadParser()
      const allow = readAllowFile(
        dir,
        shown,
        sources.map(({ name }) => name),
      )
      const { seeds, problems } = compileFiles({ dir, shown, allow }, fresh)
      const changed = seeds.flatMap(({ seed }) => hasChanged(seed, wanted.get(seed.name)))
      const all = [...allow.problems, ...problems, ...changed]
      if (all.length > 0) throw invalid(shown, all)
      for (const { seed } of seeds) compiled.set(seed.name, seed)
    }
    return pickByName(which, compiled.values())
  }
}

function hasChanged({ file, checksum: now }: Seed, identity: Identity | undefined): Problem[] {
  if (now === identity?.checksum) return []
  return [{ what: `${file} has changed while upfront ran`, next: 'Start it again.' }]
}

/** Every seed of the folder and of these environments, each once, with all that was found. */
export async function checkSeeds(dir: string, environments: readonly string[], shown = dir) {
  const { common, own, problems } = listSeedFiles(dir, environments, shown)
  await loadParser()
  const names = [...common, ...[...own.values()].flat()].map(({ name }) => name)
  const allow = readAllowFile(dir, shown, names)
  problems.push(...allow.problems)
  const notices: Problem[] = []
  const allowances: Allowance[] = [...allow.lines]
  const compile = (files: readonly SourceSeed[]) => {
    const found = compileFiles({ dir, shown, allow }, files)
    problems.push(...found.problems)
    notices.push(...found.notices)
    allowances.push(...found.own)
    return found.seeds
  }
  return {
    common: compile(common),
    own: new Map([...own].map(([environment, files]) => [environment, compile(files)])),
    problems,
    notices,
    warnings: warnOfUnknownNames(allow, names),
    allowances,
  }
}

interface Folder {
  readonly dir: string
  readonly shown: string
  readonly allow: AllowFile
}

function compileFiles(folder: Folder, files: readonly SourceSeed[]) {
  const all = files.map((source) => compileSeed({ ...folder, source }))
  return {
    seeds: all.flatMap(({ compiled }) => compiled ?? []),
    problems: all.flatMap(({ problems }) => problems),
    notices: all.flatMap(({ notices }) => notices),
    own: all.flatMap(({ own }) => own),
  }
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
  const table = name.endsWith('.csv') ? parseCsvName(name) : null
  if (table !== null) {
    const script = { kind: 'csv', path, ...table } as const
    return {
      compiled: { seed: { name, file, checksum: checksumOfFile(path), script } },
      problems: [],
      notices: [],
      own: [],
    }
  }
  if (name.endsWith('.sql')) {
    const { sql, problems, own } = compileSqlFile({ ...subject, path, file, role: 'seed' }, nothingDeclared())
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

interface InFolder extends Folder {
  readonly source: SourceSeed
}
