import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openBundle } from '../../bundle/open.ts'
import type { Format } from '../../migration.ts'
import { migrationsFolderOf } from '../folders.ts'
import type { Run } from '../run.ts'
import { attempt } from './attempt.ts'

/** A folder of migrations at a place that nobody has named. */
export interface Elsewhere {
  readonly dir: string
  readonly format: Format
  readonly count: number
}

/** Where the tools put them unless they are told otherwise. */
const usual = [
  'migrations',
  'prisma/migrations',
  'drizzle',
  'drizzle/migrations',
  'supabase/migrations',
  'db/migrations',
  'db/migrate',
  'database/migrations',
  'src/migrations',
  'src/main/resources/db/migration',
  'sql/migrations',
]

/** Migrations at the usual places below where the command was typed, for who has named none, or another folder. */
export async function findElsewhere(run: Run): Promise<Elsewhere[]> {
  const found: Elsewhere[] = []
  for (const shown of usual) {
    const dir = join(run.io.cwd, shown)
    if (dir === run.config.migrationsDir || !existsSync(dir)) continue
    const opened = await attempt(run, () => openBundle({ ...migrationsFolderOf(run), dir, shown, format: 'auto' }))
    if ('done' in opened) found.push({ dir: shown, format: opened.done.format, count: opened.done.count })
  }
  return found
}
