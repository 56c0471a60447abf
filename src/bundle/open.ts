import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { MigrationsFolder } from '../folder/migrations.ts'
import type { Bundle, SeedBundle } from '../migration.ts'
import { manifestFile, openMigrations, openSeeds } from './manifest.ts'

/**
 * The migrations of a folder: a compiled one is trusted, of any other only names and checksums are known until
 * something is opened.
 */
export async function openBundle(folder: MigrationsFolder): Promise<Bundle> {
  const { dir, shown } = folder
  if (existsSync(join(dir, manifestFile))) return openMigrations(dir, shown)
  return (await import('../folder/migrations.ts')).openFolder(folder)
}

/** The seeds of one environment of a folder, likewise. */
export async function openSeedBundle(dir: string, environment: string, shown = dir): Promise<SeedBundle> {
  if (existsSync(join(dir, manifestFile))) return openSeeds(dir, environment, shown)
  return (await import('../folder/seeds.ts')).openSeedsFolder(dir, environment, shown)
}
