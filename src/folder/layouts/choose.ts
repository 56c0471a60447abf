import { Failure } from '../../errors.ts'
import type { Format } from '../../migration.ts'
import { atlas } from './atlas.ts'
import { dbmate } from './dbmate.ts'
import { drizzle } from './drizzle.ts'
import { flyway } from './flyway.ts'
import { golangMigrate } from './golang-migrate.ts'
import { goose } from './goose.ts'
import { graphileMigrate } from './graphile-migrate.ts'
import type { Folder, Layout } from './layout.ts'
import { nodePgMigrate } from './node-pg-migrate.ts'
import { plain, plainOf } from './plain.ts'
import { prisma } from './prisma.ts'
import { prisma8 } from './prisma-8/prisma-8.ts'
import { sqlMigrate } from './sql-migrate.ts'
import { sqlx } from './sqlx.ts'
import { supabase } from './supabase.ts'
import { tern } from './tern.ts'

/** Those of other tools that have marks of their own. */
const layouts: readonly Layout[] = [
  atlas,
  dbmate,
  drizzle,
  flyway,
  golangMigrate,
  goose,
  graphileMigrate,
  nodePgMigrate,
  prisma,
  prisma8,
  sqlMigrate,
  sqlx,
  supabase,
  tern,
]

/** The layout that was asked for, or the one whose marks the folder bears; plain without any, INVALID for several. */
export function chooseLayout(folder: Folder, asked: Format | 'auto', shown: string): Layout {
  if (asked === 'plain') return plain
  if (asked !== 'auto') return layouts.find(({ format }) => format === asked) ?? plainOf(asked)
  const marked = layouts.filter(({ detect }) => detect(folder))
  // The shape of names, and a comment that anybody may write, are weaker marks than what stands beside the folder.
  const isBeside = marked.includes(sqlx) || marked.includes(supabase)
  const found = isBeside ? marked.filter((one) => one !== golangMigrate && one !== nodePgMigrate) : marked
  if (found.length > 1) throw ambiguous(shown, found)
  if (found.length === 0 && isAnybodys(folder)) throw unmarked(shown)
  return found[0] ?? plain
}

/** A folder for each migration and no mark: prisma and drizzle both make such. */
function isAnybodys({ entries, has }: Folder): boolean {
  return !entries.some((entry) => entry.endsWith('.sql')) && entries.some((entry) => has(`${entry}migration.sql`))
}

function ambiguous(shown: string, found: readonly Layout[]): Failure {
  const names = found.map(({ format }) => format)
  return new Failure('INVALID', `${shown} may be a folder of ${names.join(' or of ')}`, {
    next: `Say whose it is: ${names.map((name) => `UPFRONT_FORMAT=${name}`).join(', or ')}.`,
  })
}

function unmarked(shown: string): Failure {
  return new Failure('INVALID', `${shown} may be a folder of prisma or of drizzle: nothing in it says of which`, {
    next: 'Say whose it is: UPFRONT_FORMAT=prisma, or UPFRONT_FORMAT=drizzle. Both leave a file that says so, migration_lock.toml and snapshot.json.',
  })
}

/** Whether the files are another tool's own, so that they are run as that tool runs them. */
export function isForeign(layout: Layout): boolean {
  return layouts.some(({ format }) => format === layout.format)
}
