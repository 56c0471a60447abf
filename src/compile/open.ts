import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Bundle, SeedBundle } from '../migrations/migration.ts'
import { manifestFile, openMigrations, openSeeds } from './manifest.ts'

/** The migrations of a folder: a compiled one is trusted and opened, any other compiled now, in memory. */
export async function openBundle(dir: string): Promise<Bundle> {
  if (existsSync(join(dir, manifestFile))) return openMigrations(dir)
  const { compileMigrations } = await import('./source.ts')
  return compileMigrations(dir)
}

/** The seeds of one environment of a folder, likewise. */
export async function openSeedBundle(dir: string, environment: string): Promise<SeedBundle> {
  if (existsSync(join(dir, manifestFile))) return openSeeds(dir, environment)
  const { compileSeeds } = await import('./seeds.ts')
  return compileSeeds(dir, environment)
}
