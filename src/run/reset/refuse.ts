import { Failure } from '../../errors.ts'
import { makePlan } from '../../history/plan.ts'
import { repairCommands } from '../../history/repair/command.ts'
import { readHistory } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'
import { mismatchPolicy } from '../mismatch-policy.ts'
import type { Dropping } from './dropping.ts'

/** Throws REFUSED when something would go that is not ours, DENIED when the role may not drop all that is. */
export function refuseStrangers({ strangers, denied }: Dropping): void {
  if (strangers.length > 0) {
    const count = strangers.length === 1 ? 'something' : `${strangers.length} things`
    throw new Failure('REFUSED', `${count} would go as well that these migrations do not make; nothing was changed`, {
      list: strangers,
      next:
        'Drop them yourself, or make a migration of them, if they are yours; else ask whose they are. What is no longer in ' +
        'any migration is taken back by a new one.',
    })
  }
  if (denied.length === 0) return
  throw new Failure('DENIED', 'this role may not drop all that the migrations have made; nothing was changed', {
    list: denied,
    next: 'Run it as their owner, or as a member of the role that owns them (UPFRONT_ROLE).',
  })
}

/** Throws REFUSED when the history has what this bundle does not: nobody knows what that has made. */
export async function refuseUnknown(job: Job, session: Session, tables: HistoryTables): Promise<void> {
  const { bundle, run } = job
  const rows = ((await readHistory(session, tables)) ?? []).filter(({ kind }) => kind === 'migration')
  const { ahead, missing, renamed } = makePlan(await bundle.list(), rows)
  const isIgnored = mismatchPolicy(run.config, bundle).missing === 'ignore'
  const explained = new Set(renamed.map(({ from }) => from))
  const unknown = [...(isIgnored ? [] : missing.filter((name) => !explained.has(name))), ...ahead]
  if (unknown.length === 0) return
  throw new Failure('REFUSED', 'the database has migrations that this bundle does not have; nothing was changed', {
    list: unknown,
    next: `Reset it with the image that has applied them. Or, once what they made is gone: ${repairCommands('forget', unknown)}`,
  })
}
