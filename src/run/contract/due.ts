import type { HistoryRow } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { Planned } from '../adopt/plan-migrations.ts'
import type { Deferred, Job } from '../job.ts'
import { inOrder } from '../up/up-to.ts'

/** What a run would apply, and what it leaves until nothing older is left. */
export interface Due {
  readonly due: readonly Identity[]
  readonly deferred: Deferred
}

const nothing: Deferred = { names: [], why: [] }

/** What is pending, with the contract migrations in their places where this run may apply them; only reads. */
export async function dueOf(
  job: Job,
  session: Session,
  tables: HistoryTables,
  { plan, foreign, history }: Pick<Planned, 'plan' | 'foreign'> & { readonly history: readonly HistoryRow[] },
): Promise<Due> {
  const { pending, deferred, ahead } = plan
  const names = deferred.map(({ name }) => name)
  if (deferred.length === 0) return { due: pending, deferred: nothing }
  if (ahead.length > 0) return { due: pending, deferred: { names, why: [] } }
  const { decide } = await import('./decide.ts')
  const decided = await decide(job, session, tables, { deferred, history, isForeign: foreign !== null })
  if (decided === 'apply')
    return { due: inOrder(await job.bundle.list(), [...pending, ...deferred]), deferred: nothing }
  return { due: pending, deferred: { names, why: decided === 'defer' ? [] : decided.why } }
}
