import { describeSchema } from '../../catalog/describe.ts'
import { historyTables, ourTables } from '../../history/tables.ts'
import { cancelOnAbort } from '../../postgres/cancel.ts'
import { type Session, openSession } from '../../postgres/session.ts'
import type { Description } from '../../schema/description.ts'
import type { Run } from '../run.ts'
import { applicationName, requirePrimary } from '../server.ts'

/** All that the database of a session holds now but our own tables. */
export type Describe = () => Promise<Description>

/**
 * Runs `use` with a way to describe that database again and again: on a second session, where the questions stay prepared,
 * because that of the migrations forgets what is prepared; and on the session itself where there can be no second one.
 */
export async function withDescribing<T>(
  run: Run,
  session: Session,
  use: (describe: Describe) => Promise<T>,
): Promise<T> {
  const withoutTables = ourTables(historyTables(session, run.config))
  const describing = { without: [], withoutTables } as const
  let reader = await openReader(run, session)
  const close = () => {
    reader?.close()
    reader = null
  }
  try {
    return await use(async () => {
      const known = await reader?.describe(describing).catch(close)
      if (run.signal.aborted) throw run.signal.reason
      return known ?? describeSchema(session, describing)
    })
  } finally {
    close()
  }
}

interface Reader {
  describe(describing: Parameters<typeof describeSchema>[1]): Promise<Description>
  close(): void
}

const opensWithinMs = 5_000

/** Null where a second connection is refused, or leads elsewhere than the first. */
async function openReader(run: Run, { at, encryption }: Session): Promise<Reader | null> {
  const { config, signal } = run
  const { role } = config.target!
  const within = AbortSignal.any([signal, AbortSignal.timeout(opensWithinMs)])
  const way = { at, encryption, applicationName: applicationName(run) }
  const session = await openSession(config.target!, way, within).catch(() => null)
  if (session === null) return null
  const stopCancelling = cancelOnAbort(session, signal)
  const close = () => {
    stopCancelling()
    session.close()
  }
  // What stands behind the address may be several servers: a standby knows the database, too, as it was a moment ago.
  if (
    await requirePrimary(session).then(
      () => false,
      () => true,
    )
  ) {
    close()
    return null
  }
  const asking = { local: { lockTimeoutMs: config.lockTimeoutMs, role }, prepared: new Map<string, string>() }
  return { describe: (describing) => describeSchema(session, { ...describing, ...asking }), close }
}
