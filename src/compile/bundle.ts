import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Bundle } from '../migrations/migration.ts'
import {
  type MigrationsHead,
  type PackedMigration,
  type PackedSeed,
  type SeedsHead,
  manifestFile,
  manifestFormat,
  packStatements,
  renderManifest,
} from './manifest.ts'
import { moduleWriter } from './modules.ts'
import { compileSeeds, listEnvironments } from './seeds.ts'
import { compileMigrations } from './source.ts'

/** Compiles a folder of migrations into `out`: manifest.json next to the SQL. The same input gives the same bytes. */
export async function writeMigrations(dir: string, out: string): Promise<Bundle> {
  const bundle = await compileMigrations(dir)
  const migrations = await bundle.list()
  fresh(out)
  const code = await moduleWriter(out)
  const entries = migrations.map((migration): PackedMigration => {
    const { name, checksum, script, creates, down } = migration
    if (down !== null) writeFileSync(join(out, `${name}.down.sql`), down)
    const packed = { name, checksum, down: down !== null }
    if (script.kind === 'module') return { ...packed, module: code.write(script.path, dir) }
    writeFileSync(join(out, `${name}.sql`), script.read())
    return { ...packed, transaction: script.transaction, creates, statements: packStatements(script.statements) }
  })
  code.finish()
  const head: MigrationsHead = { format: manifestFormat, digest: bundle.digest, count: bundle.count }
  writeFileSync(join(out, manifestFile), renderManifest(head, 'migrations', entries))
  return bundle
}

/** Compiles a folder of seeds, all its environments, into `out`. */
export async function writeSeeds(dir: string, out: string): Promise<void> {
  const bundles = await Promise.all(['', ...listEnvironments(dir)].map((environment) => compileSeeds(dir, environment)))
  fresh(out)
  const code = await moduleWriter(out)
  const entries = new Map<string, PackedSeed>()
  for (const bundle of bundles) {
    for (const seed of await bundle.list()) {
      const { name, checksum, script } = seed
      mkdirSync(dirname(join(out, name)), { recursive: true })
      if (script.kind === 'module') entries.set(name, { name, checksum, module: code.write(script.path, dir) })
      else if (script.kind === 'csv') {
        copyFileSync(script.path, join(out, name))
        entries.set(name, { name, checksum })
      } else {
        writeFileSync(join(out, name), script.read())
        entries.set(name, { name, checksum, statements: packStatements(script.statements) })
      }
    }
  }
  code.finish()
  const digests = Object.fromEntries(bundles.map(({ environment, digest }) => [environment, digest]))
  const head: SeedsHead = { format: manifestFormat, digests }
  writeFileSync(join(out, manifestFile), renderManifest(head, 'seeds', [...entries.values()]))
}

function fresh(out: string): void {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
}
