import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Allowance } from '../checks/allowances.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import type { LintedFile } from '../checks/squawk.ts'
import { Failure, type Problem } from '../errors.ts'
import { checkMigrations } from '../folder/compile-migrations.ts'
import { type CompiledSeed, checkSeeds } from '../folder/compile-seeds.ts'
import type { MigrationsFolder } from '../folder/migrations.ts'
import { listEnvironments } from '../folder/seeds.ts'
import { checksum, digest } from '../folder/text.ts'
import type { Identity, ModuleScript } from '../migration.ts'
import { type MigrationsHead, type SeedsHead, manifestFile, manifestFormat, renderManifest } from './manifest.ts'
import { moduleBundler } from './module-bundler.ts'
import { packLayout } from './packed-script.ts'
import type { PackedMigration, PackedModule, PackedSeed } from './read.ts'

/** A file of a bundle: its text, or how it is written without being in memory. */
export type BundleFile = string | { readonly copyOf: string } | { readonly writeTo: (path: string) => void }

/** A folder and everything that was found in it; without problems it is ready to be written as a bundle. */
export interface CheckedFolder {
  readonly dir: string
  /** As messages call it. */
  readonly shown: string
  readonly digest: string
  /** How many migrations, or seeds. */
  readonly count: number
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
  readonly warnings: readonly Problem[]
  /** What is wrong in files of another tool, which are kept as known and cannot run. */
  readonly unrunnable: readonly Problem[]
  /** All that is allowed in it. */
  readonly allowances: readonly Allowance[]
  /** With whatever else its head is to say. */
  readonly manifest: (more?: Partial<MigrationsHead>) => string
  readonly files: ReadonlyMap<string, BundleFile>
  /** The SQL that is small enough to be looked at by a linter. */
  readonly linted: readonly LintedFile[]
}

/** Checks a folder of migrations as a bundle needs it, modules and what they import included. */
export async function checkMigrationsFolder(folder: MigrationsFolder): Promise<CheckedFolder> {
  const { dir, shown } = folder
  refuseBundle(dir, shown)
  const { migrations, format, appliesLate, repeatable, origins, problems, notices, warnings, unrunnable, allowances } =
    await checkMigrations(folder)
  const modules = await collectModules(dir, shown)
  const files = new Map<string, BundleFile>()
  const entries = migrations.map(({ migration, sql, asserted }): PackedMigration => {
    const { name, creates, script, down } = migration
    if (asserted) files.set(`${name}.verify.sql`, asserted.text)
    const verify = asserted ? { verify: { text: checksum(asserted.text), sql: packLayout(asserted.layout) } } : {}
    if (down !== null) files.set(`${name}.down.sql`, down)
    const downSum = down === null ? {} : { down: checksum(down) }
    const { key, hashes } = origins.get(name) ?? {}
    const origin = key === undefined || hashes === undefined ? {} : { origin: [key, ...hashes] }
    const again = repeatable.has(name) ? ({ repeatable: true } as const) : {}
    const phase = migration.contract ? ({ contract: true } as const) : {}
    const rest = { ...downSum, ...verify, ...packAllow(migration), ...origin, ...again, ...phase }
    const packed = { name, checksum: migration.checksum, ...rest }
    if (migration.cannotRun) return { ...packed, cannotRun: migration.cannotRun }
    if (!sql) return { ...packed, module: modules.add(script as ModuleScript) }
    files.set(`${name}.sql`, sql)
    const text = sql.textChecksum === sql.checksum ? {} : { text: sql.textChecksum }
    return { ...packed, ...text, creates, sql: packLayout(sql.layout) }
  })
  const all = migrations.map(({ migration }) => migration)
  const layout = format === 'plain' ? {} : { layout: format, appliesLate }
  const head: MigrationsHead = { format: manifestFormat, digest: digest(all), count: all.length, ...layout }
  return {
    dir,
    shown,
    digest: head.digest,
    count: head.count,
    problems: [...problems, ...modules.problems],
    notices,
    warnings,
    unrunnable,
    allowances,
    manifest: (more = {}) => renderManifest({ ...head, ...more }, 'migrations', entries),
    files: modules.addTo(files),
    linted: migrations.flatMap(({ migration, sql, path, allowances: allowed }) => {
      if (!sql || 'chunks' in sql.layout) return []
      const { transaction, read } = sql.script
      const subject = {
        name: migration.name,
        allowFile: join(shown, allowFile),
        allowances: [...allowed, ...answeredByPhase(migration)],
      }
      return [{ ...subject, path, shown: migration.file, transaction, text: read, isForeign: origins.size > 0 }]
    }),
  }
}

/** The same for a folder of seeds, all its environments. */
export async function checkSeedsFolder(dir: string, shown: string): Promise<CheckedFolder> {
  refuseBundle(dir, shown)
  const environments = existsSync(dir) ? listEnvironments(dir) : []
  const { common, own, problems, notices, warnings, allowances } = await checkSeeds(dir, environments, shown)
  const modules = await collectModules(dir, shown)
  const files = new Map<string, BundleFile>()
  const all = [...common, ...[...own.values()].flat()]
  const entries = all.map(({ seed, sql }): PackedSeed => {
    const { name, script } = seed
    const packed = { name, checksum: seed.checksum, ...packAllow(seed) }
    if (script.kind === 'module') return { ...packed, module: modules.add(script) }
    files.set(name, script.kind === 'csv' ? { copyOf: script.path } : sql!)
    return sql ? { ...packed, sql: packLayout(sql.layout) } : packed
  })
  const digestOf = (seeds: readonly CompiledSeed[]) => digest(seeds.map(({ seed }) => seed))
  const digests = environments.map((environment) => [
    environment.normalize('NFC'),
    digestOf([...common, ...(own.get(environment) ?? [])]),
  ])
  const head: SeedsHead = { format: manifestFormat, digests: Object.fromEntries([['', digestOf(common)], ...digests]) }
  return {
    dir,
    shown,
    digest: digestOf(all),
    count: all.length,
    problems: [...problems, ...modules.problems],
    notices,
    warnings,
    unrunnable: [],
    allowances,
    manifest: () => renderManifest(head, 'seeds', entries),
    files: modules.addTo(files),
    // Rows do not endanger a running application as a change of the schema can.
    linted: [],
  }
}

/** What a migration is for that waits until nothing older is left: a linter need not warn of it again. */
function answeredByPhase({ contract, file }: Identity): Allowance[] {
  const rules = ['ban-drop-column', 'ban-drop-table', 'renaming-column', 'renaming-table', 'changing-column-type']
  const place = { file, line: 1, column: 1, text: '' }
  const why = 'it waits until nothing older is left'
  return contract ? rules.map((rule) => ({ rule: `squawk/${rule}`, why, place, implied: true, used: true })) : []
}

/** What is allowed when it runs; left out for most. */
function packAllow({ allow = [] }: { readonly allow?: readonly string[] }): { readonly allow?: readonly string[] } {
  return allow.length > 0 ? { allow } : {}
}

/** Gathers the JavaScript of a folder's modules. */
async function collectModules(dir: string, shown: string) {
  const bundle = await moduleBundler(dir, shown)
  const found = new Map<string, string>()
  const problems = new Map<string, Problem>()
  return {
    get problems() {
      return [...problems.values()]
    },
    add(script: ModuleScript): PackedModule {
      const { path, files, problems: inIt } = bundle(script.path)
      // A problem in a file that several import is reported once.
      for (const one of inIt) problems.set(JSON.stringify(one), one)
      for (const [name, code] of files) found.set(name, code)
      return { path, files: Object.fromEntries([...files].map(([name, code]) => [name, checksum(code)])) }
    },
    addTo(files: Map<string, BundleFile>) {
      for (const [name, code] of found) files.set(name, code)
      // What was stripped of its types is an ES module.
      if (found.size > 0) files.set('package.json', '{ "type": "module" }\n')
      return files
    },
  }
}

function refuseBundle(dir: string, shown: string): void {
  if (!existsSync(join(dir, manifestFile))) return
  throw new Failure('INVALID', `${shown} is a bundle already`, {
    next: 'Compile the folder that it was made of; a bundle is run as it is.',
  })
}
