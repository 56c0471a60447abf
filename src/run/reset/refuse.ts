import { Failure } from '../../errors.ts'
import { makePlan } from '../../history/plan.ts'
import { quoteForShell, repairCommands } from '../../history/repair/command.ts'
import type { HistoryRow } from '../../history/rows.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'
import { mismatchPolicy } from '../mismatch-policy.ts'
import type { Claims } from './claims.ts'
import type { Dropping } from './dropping.ts'

/**
 * Throws REFUSED when something would go that is not ours or has a name that the migrations need, DENIED when the role may
 * not drop all that is ours.
 */
export function refuseStrangers(session: Session, { strangers, inTheWay, denied }: Dropping, claims: Claims): void {
  if (strangers.length > 0) {
    const count = strangers.length === 1 ? 'something' : `${strangers.length} things`
    throw new Failure('REFUSED', `${count} would go as well that these migrations do not make; nothing was changed`, {
      list: strangers,
      next:
        'Drop them yourself, or make a migration of them, if they are yours; else ask whose they are. What is no longer in ' +
        'any migration is taken back by a new one.',
    })
  }
  if (inTheWay.length > 0) throw isTaken(session, inTheWay, claims)
  if (denied.length === 0) return
  throw new Failure('DENIED', 'this role may not drop all that the migrations have made; nothing was changed', {
    list: denied,
    next: 'Run it as their owner, or as a member of the role that owns them (UPFRONT_ROLE).',
  })
}

/** Behind the drop a migration would stop at it. */
function isTaken({ client }: Session, list: readonly string[], { isUnproven }: Claims): Failure {
  const what =
    list.length === 1
      ? 'something has a name that these migrations need'
      : `${list.length} things have names that these migrations need`
  return new Failure(
    'REFUSED',
    `${what}, and by the history they have not made ${list.length === 1 ? 'it' : 'them'}; nothing was changed`,
    {
      list,
      next: isUnproven
        ? `If the migrations have made what is listed and the history is lost, have it dropped: --yes-destroy ${quoteForShell(client.database ?? '')}. Else drop or rename it yourself.`
        : 'Drop or rename what is listed, or move it to another schema.',
    },
  )
}

/** Throws REFUSED when the history has what this bundle does not: nobody knows what that has made. */
export async function refuseUnknown(job: Job, history: readonly HistoryRow[]): Promise<void> {
  const { bundle, run } = job
  const rows = history.filter(({ kind }) => kind === 'migration')
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
