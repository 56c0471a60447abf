import type { HistoryRow } from '../../history/rows.ts'
import { renewAfterAbsence } from '../../history/leases.ts'
import { type RunsEnd, readEnds } from '../../history/runs.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'
import { readEvidence } from './evidence.ts'
import { type Judgement, judgeEvidence, refuseUnsafe } from './judge-evidence.ts'

/** What is left, and what the histories say. */
export interface Left {
  readonly deferred: readonly Identity[]
  readonly history: readonly HistoryRow[]
  /** Whether another tool's history is about to be taken over. */
  readonly isForeign: boolean
}

/**
 * Whether contract migrations are applied by this run: in a new database, which no older version can use; when somebody
 * says always; and when there is evidence that nothing older is left. `contract` itself throws REFUSED or PENDING when there is none.
 */
export async function decide(
  job: Job,
  session: Session,
  tables: HistoryTables,
  { deferred, history, isForeign }: Left,
): Promise<'apply' | 'defer' | { readonly why: readonly string[] }> {
  const { run, bundle, command, progress } = job
  const { contract } = run.config
  // A reset has dropped what an older version could use.
  if (contract === 'always' || command === 'reset') return 'apply'
  const names = deferred.map(({ name }) => name)
  if (!isForeign && (await isNew(job, session, tables, history)) && !(await isUsed(job, session, names))) return 'apply'
  if (contract === 'defer' && command !== 'contract') return 'defer'
  if (command === 'up' || command === 'contract') await renewAfterAbsence(session, tables).catch(unlessMayNotWrite)
  const judgement = judgeEvidence(await readEvidence(run, session, bundle, names))
  for (const message of judgement.notes) {
    if (!progress.warned.has(message)) run.emit({ type: 'warning', message })
    progress.warned.add(message)
  }
  if (judgement.safe) return 'apply'
  if (command !== 'contract') return { why: whyNot(judgement) }
  // Whoever says that nothing older runs is believed where nothing else tells, and not against what is seen.
  const isAlone = run.flags['without-evidence'] === true && judgement.unproved !== null
  if (!isAlone || judgement.graceLeftMs > 0) refuseUnsafe(isAlone ? { ...judgement, unproved: null } : judgement)
  return 'apply'
}

/** Then they count as living until another lease shows for how long the server has been back. */
function unlessMayNotWrite(error: { code?: string }): void {
  if (error.code !== 'DENIED' && error.code !== '25006') throw error
}

function whyNot({ living, unproved, graceLeftMs }: Judgement): readonly string[] {
  if (living.length > 0) return living
  return unproved === null ? [`the grace period lasts ${Math.ceil(graceLeftMs / 1000)} s more`] : [unproved]
}

/** Whether no version was ever there: nothing was recorded by hand, and no run has left what another version may use. */
async function isNew(
  { bundle, progress }: Job,
  session: Session,
  tables: HistoryTables,
  history: readonly HistoryRow[],
): Promise<boolean> {
  if (history.some(({ state }) => state === 'baseline' || state === 'adopted')) return false
  const ends = await readEnds(session, tables, progress.runId)
  if (ends.some(({ done }) => done)) return false
  const ours = [...(await bundle.list()), ...(await bundle.listRepeatable())]
  // No gate waits for a contract migration, so one at which a run stopped may be all that its application lacked.
  const names = new Map(ours.map(({ name, contract }) => [name.normalize('NFC'), contract === true]))
  const isOther = (end: RunsEnd) => end.bundle !== bundle.digest && !stoppedAtMigration(end, names)
  return history.length === 0 || !ends.some(isOther)
}

/**
 * Whether a run cannot have come to the end of its migrations. After them seeds or a look at the schema may have failed, or
 * the runner died, and then the application of that bundle may be at work all the same: its gate is open.
 */
function stoppedAtMigration({ failed, seeded }: RunsEnd, isContract: ReadonlyMap<string, boolean>): boolean {
  if (failed === null) return false
  const ours = isContract.get(failed.normalize('NFC'))
  // What is none of ours may be a seed, or a migration that only that bundle had.
  return ours === undefined ? !seeded : !ours
}

/** Whether an older version holds a lease all the same: a run that failed in its seeds has left what it needs. */
async function isUsed({ run, bundle }: Job, session: Session, names: readonly string[]): Promise<boolean> {
  const { leases } = await readEvidence(run, session, bundle, names)
  return leases.some(({ state, lacks }) => state === 'living' && lacks !== null)
}
