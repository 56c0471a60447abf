import { existsSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { manifestFile } from '../bundle/manifest.ts'
import { openBundle, openSeedBundle } from '../bundle/open.ts'
import type { MigrationsFolder } from '../folder/migrations.ts'
import type { Bundle, SeedBundle } from '../migration.ts'
import type { SchemaStory } from '../schema/steps.ts'
import type { Run } from './run.ts'

/** The migrations that this run is about. */
export function openMigrationsOf(run: Run): Promise<Bundle> {
  return openBundle(migrationsFolderOf(run))
}

/** The schema that they make, null when that was not found out when they were compiled, or they are not compiled. */
export async function openSchemaOf(run: Run): Promise<SchemaStory | null> {
  const { dir, shown } = migrationsFolderOf(run)
  if (!existsSync(join(dir, manifestFile))) return null
  return (await import('../bundle/schema-file.ts')).openSchema(dir, shown)
}

/** Where they are, and whose layout they are said to have. */
export function migrationsFolderOf(run: Run): MigrationsFolder {
  const { migrationsDir: dir, format, placeholders } = run.config
  return { dir, shown: showPath(run, dir), format, placeholders }
}

/** The seeds that this run is to apply, null for none. */
export async function openSeedsOf(run: Run): Promise<SeedBundle | null> {
  const { seed, seedsDir } = run.config
  return seed === null ? null : openSeedBundle(seedsDir, seed, showPath(run, seedsDir))
}

/** A path for messages: relative to where the command was typed, when it is below that. */
export function showPath(run: Run, path: string): string {
  const below = relative(run.io.cwd, path)
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below
}
