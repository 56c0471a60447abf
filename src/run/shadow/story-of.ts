import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openMigrations } from '../../bundle/manifest.ts'
import type { CheckedFolder } from '../../bundle/pack-folder.ts'
import { Failure } from '../../errors.ts'
import { explainReadError } from '../../config/layers.ts'
import type { SchemaStory } from '../../schema/steps.ts'
import { openMigrationsOf, openSchemaOf } from '../folders.ts'
import type { Run } from '../run.ts'
import type { Told } from './tell-story.ts'

/**
 * The schema that the migrations of this run make: the bundle's, or what they make of an empty database now. Throws USAGE
 * where there is no server to find that out.
 */
export async function storyOf(run: Run): Promise<SchemaStory> {
  const known = await openSchemaOf(run)
  if (known !== null) return known
  // It is what applies migrations, with the parser and all: nothing that a comparison needs.
  const { tellStory } = await import('./tell-story.ts')
  const { story } = await tellStory(run, await openMigrationsOf(run), { downs: false, before: [] })
  return story
}

/** The same of a folder that has just been checked, with every down run as well; `--before` may name SQL that comes first. */
export async function storyOfChecked(run: Run, checked: CheckedFolder): Promise<Told> {
  const before = typeof run.flags['before'] === 'string' ? [readBefore(resolve(run.io.cwd, run.flags['before']))] : []
  const dir = mkdtempSync(join(tmpdir(), 'upfront-compile-'))
  try {
    const { writeBundle } = await import('../../bundle/write.ts')
    const { tellStory } = await import('./tell-story.ts')
    writeBundle(checked, join(dir, 'migrations'))
    const bundle = openMigrations(join(dir, 'migrations'), checked.shown)
    return await tellStory(run, bundle, { downs: true, before })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function readBefore(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('USAGE', `--before: ${path} ${explainReadError(error)}`)
  }
}
