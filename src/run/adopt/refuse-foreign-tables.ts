import type { Config } from '../../config/config.ts'
import { Failure } from '../../errors.ts'
import { quoteForShell } from '../../history/repair/command.ts'
import type { Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'

/**
 * Throws MISMATCH for a database, or a tenant's schema, that has our relations but not our history: somebody else has filled
 * it, and running on would fail or lie.
 */
export async function refuseForeignTables(
  { tenant, schema }: Pick<Config, 'tenant' | 'schema'>,
  session: Session,
  migrations: readonly Migration[],
): Promise<void> {
  const { findCreated } = await import('../../catalog/created.ts')
  const created = await findCreated(session, migrations)
  const existing = [...new Set([...created.values()].flat())]
  if (existing.length === 0) return
  const last = lastThere(migrations, created)
  const what = tenant ? `the schema ${schema}` : 'this database'
  const whose = tenant ? `UPFRONT_TENANT=${quoteForShell(schema)} ` : ''
  const named =
    last === undefined
      ? '<the last one it has>.'
      : `${quoteForShell(last)} (the last one of which all tables are there, as of all before it)`
  throw new Failure('MISMATCH', `${what} has no history of ours, but what the migrations create exists already`, {
    list: existing,
    next:
      `Is it the ${tenant ? 'tenant' : 'database'} you meant? If those were made by the same migrations, record them as applied: ${whose}` +
      'upfront baseline --to ' +
      named,
  })
}

/** The last migration that such a database has, as far as relations can tell: no earlier one lacks any. */
function lastThere(migrations: readonly Migration[], created: ReadonlyMap<Migration, readonly string[]>) {
  const thereOf = (migration: Migration) => created.get(migration)?.length ?? 0
  const lacking = migrations.findIndex((migration) => thereOf(migration) < migration.creates.length)
  const whole = lacking === -1 ? migrations : migrations.slice(0, lacking)
  if (migrations.slice(whole.length).some((migration) => thereOf(migration) > 0)) return undefined
  return whole.findLast(({ creates }) => creates.length > 0)?.name
}
