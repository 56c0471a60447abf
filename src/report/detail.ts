import { Failure } from '../errors.ts'
import type { Event } from '../events.ts'

/** The event without what may hold rows of tables: Postgres' DETAIL and CONTEXT, and the queries of other sessions. */
export function withoutDetail(event: Event): Event {
  if (event.type === 'failed') return { ...event, failure: withoutDetailOf(event.failure) }
  if (event.type !== 'blocked') return event
  return { ...event, blockers: event.blockers.map((blocker) => ({ ...blocker, query: '' })) }
}

/** The same of a failure; what Postgres says in its first line stays, and so does the line of a file of SQL. */
export function withoutDetailOf(failure: Failure): Failure {
  const { detail: _detail, where: _where, place, ...facts } = failure.facts
  // A line of a CSV file is a row.
  const shown = place && (/\.csv$/i.test(place.file) ? { ...place, text: '' } : place)
  const bare = new Failure(failure.code, failure.message, shown ? { ...facts, place: shown } : facts, failure.cause)
  if (failure.stack !== undefined) bare.stack = failure.stack
  return bare
}
