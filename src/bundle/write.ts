import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Failure } from '../errors.ts'
import { invalid } from '../folder/invalid.ts'
import { type MigrationsFolder } from '../folder/migrations.ts'
import { checksum } from '../folder/text.ts'
import type { Bundle } from '../migration.ts'
import type { SchemaStory } from '../schema/steps.ts'
import { manifestFile } from './manifest.ts'
import { type CheckedFolder, checkMigrationsFolder, checkSeedsFolder } from './pack-folder.ts'
import { renderSchema, schemaFile } from './schema-file.ts'

/** Compiles a folder of migrations into `out`: manifest.json next to the SQL. The same input gives the same bytes. */
export async function writeMigrations(
  dir: string,
  out: string,
  format: MigrationsFolder['format'] = 'auto',
): Promise<Pick<Bundle, 'digest' | 'count'>> {
  const checked = await checkMigrationsFolder({ dir, shown: dir, format })
  if (checked.problems.length > 0) throw invalid(dir, checked.problems)
  writeBundle(checked, out)
  return checked
}

/** Compiles a folder of seeds, all its environments, into `out`. */
export async function writeSeeds(dir: string, out: string): Promise<void> {
  const checked = await checkSeedsFolder(dir, dir)
  if (checked.problems.length > 0) throw invalid(dir, checked.problems)
  writeBundle(checked, out)
}

/**
 * Writes what was checked in place of the bundle that is there, with the schema that it makes when somebody has found it
 * out; throws USAGE when something else is there.
 */
export function writeBundle({ dir, manifest, files }: CheckedFolder, out: string, story?: SchemaStory): void {
  refuseOther(dir, out)
  // Beside it first: a folder that is half written is never taken for a bundle.
  const fresh = `${resolve(out)}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  for (const [name, content] of files) {
    const target = join(fresh, name)
    mkdirSync(dirname(target), { recursive: true })
    if (typeof content === 'string') writeFileSync(target, content)
    else if ('copyOf' in content) copyFileSync(content.copyOf, target)
    else content.writeTo(target)
  }
  const schema = story === undefined ? undefined : renderSchema(story)
  if (schema !== undefined) writeFileSync(join(fresh, schemaFile), schema)
  writeFileSync(join(fresh, manifestFile), manifest(schema === undefined ? {} : { schema: checksum(schema) }))
  rmSync(out, { recursive: true, force: true })
  renameSync(fresh, out)
}

/** Only a bundle is replaced: a path that was mistyped must not cost somebody's files. */
function refuseOther(dir: string, out: string): void {
  const there = listOr(out)
  if (resolve(dir) !== resolve(out) && (there.length === 0 || there.includes(manifestFile))) return
  throw new Failure('USAGE', `${out} is not empty, and it is no bundle`, {
    next: 'Name a folder that does not exist yet, or one that upfront compile has made.',
  })
}

function listOr(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
