import { type MismatchPolicy, type Plan, makePlan, refuseMismatch } from '../../history/plan.ts'
import { refuseBelowFloor } from '../../history/floors.ts'
import type { HistoryRow } from '../../history/rows.ts'
import { historyTables } from '../../history/tables.ts'
import type { Bundle, Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { mismatchPolicy } from '../mismatch-policy.ts'
import type { Run } from '../run.ts'
import { refuseForeignDoubts } from './adopt.ts'
import { type Foreign, readForeign } from './foreign-history.ts'

/** A plan for which what another tool has applied counts as applied. */
export interface Planned {
  readonly plan: Plan<Identity>
  /** What has to be recorded first; null when there is nothing of another tool. */
  readonly foreign: Foreign | null
  readonly policy: MismatchPolicy
}

/** Holds the files against our history and, where something is pending, the other tool's; throws MISMATCH. */
export async function planMigrations(
  run: Run,
  session: Session,
  bundle: Bundle,
  history: readonly HistoryRow[],
): Promise<Planned> {
  const policy = mismatchPolicy(run.config, bundle)
  const rows = history.filter((row) => row.kind === 'migration')
  const all = await bundle.list()
  const ours = makePlan(all, rows)
  const hasRepeatable = (await bundle.listRepeatable()).length > 0
  // What waits here may have been applied by the other tool.
  const isDone = ours.pending.length + ours.deferred.length === 0 && !hasRepeatable
  const foreign = isDone || ours.ahead.length > 0 ? null : await readForeign(run, session, bundle, history)
  if (foreign) refuseForeignDoubts(run, foreign, ours.pending)
  const plan = foreign ? makePlan(all, [...rows, ...foreign.match.adopted.map(asAdopted)]) : ours
  refuseMismatch(plan, policy)
  if (plan.ahead.length > 0) await refuseBelowFloor(session, historyTables(session, run.config), plan.ahead)
  const isNews = foreign !== null && foreign.match.adopted.length + foreign.repeatable.length > 0
  return { plan, foreign: isNews ? foreign : null, policy }
}

/** The row that a migration gets which another tool has applied. */
function asAdopted({ name, checksum }: Identity): HistoryRow {
  const unknown = { appliedAt: '', durationMs: 0, statementsDone: 0, doneChecksum: null, down: null }
  return { kind: 'migration', name, checksum, state: 'adopted', run: '', ...unknown }
}
