import { type Backend, type ServerIdentity, compareServers, identityColumns } from '../backend.ts'
import { type Session, openSession } from '../session.ts'
import type { ObserveOptions } from './observed.ts'
import { NoAnswer, answeredWithin } from './silence.ts'

/** What one look from a second connection says of our server process. */
export interface Observation {
  /** It works; it waits for us to send or to read something; it has ended; nothing can be learned; nobody answers. */
  readonly kind: 'working' | 'waiting' | 'gone' | 'blind' | 'silent'
  /** Where it is, or why; when two looks find the same, nothing has moved in between. */
  readonly what: string
}

/** The second connection, kept from one look to the next. */
export interface Observer {
  session: Session | undefined
  /** A connection that had answered before has become silent, and nobody has answered since. */
  hasGoneSilent: boolean
}

/** Looks once, with a connection that is opened when there is none; rejects only when the signal is aborted. */
export async function lookOnce(options: ObserveOptions, observer: Observer): Promise<Observation> {
  const { target, session, applicationName, patience, signal } = options
  const ours = options.backend()
  // Until then only short statements of our own run.
  if (ours === undefined) return { kind: 'blind', what: 'our server process is not known yet' }
  const isProven = observer.session !== undefined
  let isOpen = isProven
  try {
    const connection = (observer.session ??= await answeredWithin(patience.lookMs, signal, (late) =>
      openSession(target, { ...session, applicationName: `${applicationName} (watching)` }, late),
    ))
    isOpen = true
    const observation = readObservation(
      ours,
      await answeredWithin(patience.lookMs, signal, () => readRow(connection, ours)),
    )
    observer.hasGoneSilent = false
    // The next connection may reach our server again.
    if (observation.kind === 'blind') close(observer)
    return observation
  } catch (error) {
    if (signal.aborted) throw error
    close(observer)
    if (isProven && error instanceof NoAnswer) observer.hasGoneSilent = true
    return observationOf(error, observer, isOpen && !isProven)
  }
}

function close(observer: Observer): void {
  observer.session?.close()
  observer.session = undefined
}

interface Row extends ServerIdentity {
  readonly since: string | null
  readonly there: boolean
  readonly waits: boolean | null
  readonly at: string
}

/** Asks functions, not views: those read catalogs that a migration may have locked. */
async function readRow(connection: Session, { pid, server }: Backend): Promise<Row> {
  const [row] = await connection.query<Row>(
    `select ${identityColumns[server.system === null ? 1 : 0]}, extract(epoch from a.backend_start)::text as since,
       a.pid is not null as there, a.wait_event_type = 'Client' and a.wait_event in ('ClientRead', 'ClientWrite') as waits,
       concat_ws(' ', a.state, a.state_change, (select p.param1 from pg_catalog.pg_stat_get_progress_info('COPY') p
         where p.pid = a.pid)) as at
     from (select) one left join pg_catalog.pg_stat_get_activity(${pid}) a on true`,
  )
  return row!
}

function readObservation(ours: Backend, row: Row): Observation {
  switch (compareServers(ours.server, row)) {
    case 'other':
      return { kind: 'blind', what: 'another server answers at this address' }
    case 'restarted':
      return { kind: 'gone', what: 'the server was restarted' }
    case 'replaced':
      return { kind: 'gone', what: 'another server was promoted in the place of ours' }
  }
  // The process id may have been used again.
  if (!row.there || (row.since !== null && ours.since !== null && row.since !== ours.since))
    return { kind: 'gone', what: 'the server has ended our session' }
  if (row.since === null) return { kind: 'blind', what: 'the role may not see its own sessions' }
  return row.waits ? { kind: 'waiting', what: row.at } : { kind: 'working', what: '' }
}

const unreachable = /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|ETIMEDOUT)$/

/** Any answer is no silence, whatever it says; half of one may come from a pooler that has no server for us. */
function observationOf(error: unknown, observer: Observer, isHeard: boolean): Observation {
  const { code, message } = error as { code?: string; message: string }
  if (error instanceof NoAnswer) {
    if (!(error.heard || isHeard) || observer.hasGoneSilent) return { kind: 'silent', what: '' }
    return { kind: 'blind', what: 'a second connection is kept waiting' }
  }
  if (unreachable.test(code ?? '')) return { kind: 'silent', what: '' }
  observer.hasGoneSilent = false
  return { kind: 'blind', what: message }
}
