import type { Event } from '../events.ts'

/** How much an event matters; UPFRONT_LOG_LEVEL shows its own level and those after it. */
export type Level = 'debug' | 'info' | 'warn' | 'error'

/** One event as the JSON log promises it: besides `time`, `level` and `event` it has these fields. */
export interface EventFields {
  readonly level: Level
  /** One sentence for the documentation. */
  readonly meaning: string
  readonly fields: readonly string[]
  /** Fields that are left out when there is nothing to say. */
  readonly optional?: readonly string[]
}

/** Every event of the log; the types say which fields are possible, a unit test that none is missing. */
export const eventFields: { readonly [T in Event['type']]: EventFields & { readonly fields: readonly FieldOf<T>[] } } =
  {
    start: {
      level: 'info',
      meaning:
        'The run begins: what it will do and to which database; `source` is the setting that named the database.',
      fields: ['command', 'version', 'bundle', 'migrations', 'target', 'source'],
    },
    warning: { level: 'warn', meaning: 'Something deserves attention and stops nothing.', fields: ['message'] },
    waiting: {
      level: 'info',
      meaning: 'The database is not ready yet.',
      fields: ['reason', 'target', 'elapsed_ms'],
    },
    ready: { level: 'info', meaning: 'The database answers.', fields: ['server_version', 'elapsed_ms'] },
    up_to_date: {
      level: 'info',
      meaning: 'Nothing was pending; nothing was locked or written.',
      fields: ['migrations', 'seed'],
    },
    held_back: {
      level: 'info',
      meaning: 'Migrations that are pending and come after the one that --to names; they were not applied.',
      fields: ['names'],
    },
    deferred: {
      level: 'info',
      meaning:
        'Contract migrations that were not applied, and what still lives or why that cannot be told; empty where nobody has looked.',
      fields: ['names', 'why'],
    },
    ahead: {
      level: 'warn',
      meaning: 'The database has migrations that this image does not have, after all of its own; nothing was written.',
      fields: ['names'],
    },
    lock_waiting: {
      level: 'info',
      meaning: 'Another runner holds the lock.',
      fields: ['holder', 'elapsed_ms'],
    },
    connection_lost: {
      level: 'warn',
      meaning: 'The connection broke; the run connects again and reads what happened.',
      fields: ['reason'],
    },
    retrying: {
      level: 'warn',
      meaning: 'A migration was rolled back and will be tried again after the delay.',
      fields: ['name', 'reason', 'delay_ms'],
    },
    blocked: {
      level: 'warn',
      meaning: 'Other sessions keep a statement waiting; said when they change, and every ten seconds.',
      fields: ['name', 'blockers', 'elapsed_ms'],
    },
    progress: {
      level: 'info',
      meaning: 'A long statement is still running, in this phase; `percent` is null when Postgres cannot tell.',
      fields: ['name', 'phase', 'percent', 'elapsed_ms'],
    },
    tenant: {
      level: 'info',
      meaning:
        'One database or schema of a fleet is over: `done`, `nothing` (to do) or `failed`, then with the code and why. The log for people has a line that counts them.',
      fields: ['name', 'state', 'code', 'reason', 'duration_ms'],
    },
    fleet: {
      level: 'info',
      meaning: 'A fleet has been gone through, with what became of its tenants.',
      fields: ['command', 'done', 'nothing', 'failed', 'not_tried', 'elapsed_ms'],
    },
    applying: { level: 'debug', meaning: 'A migration begins.', fields: ['name'] },
    applied: { level: 'info', meaning: 'A migration is committed.', fields: ['name', 'duration_ms'] },
    seeded: { level: 'info', meaning: 'A seed is committed.', fields: ['name', 'duration_ms'] },
    reverted: { level: 'info', meaning: 'A migration was taken back.', fields: ['name', 'duration_ms'] },
    reset: {
      level: 'info',
      meaning: 'What the migrations had made was dropped, and the history emptied.',
      fields: ['objects', 'duration_ms'],
    },
    pending: {
      level: 'info',
      meaning: 'The gate found migrations that are not applied yet.',
      fields: ['names', 'elapsed_ms'],
    },
    held: {
      level: 'info',
      meaning: 'A lease says that this version lives, and is renewed from now on; said again after `not_renewed`.',
      fields: ['lease', 'version', 'ttl_ms'],
    },
    not_renewed: {
      level: 'warn',
      meaning: 'The lease could not be renewed; it is tried on, and said once. In `left_ms` it runs out.',
      fields: ['lease', 'reason', 'left_ms'],
    },
    released: { level: 'info', meaning: 'The lease was given back.', fields: ['lease'] },
    adopted: {
      level: 'info',
      meaning: 'Migrations that another tool has applied, as its own table says, were recorded without running them.',
      fields: ['names', 'from', 'table'],
    },
    baselined: {
      level: 'info',
      meaning: 'A migration was recorded as applied without running it.',
      fields: ['name'],
    },
    verified: {
      level: 'info',
      meaning: 'The live schema is the one that the migrations make.',
      fields: ['objects', 'elapsed_ms'],
    },
    drift: {
      level: 'warn',
      meaning:
        'The live schema is not the one that the migrations make; with UPFRONT_VERIFY=fail the run ends instead.',
      fields: ['differences'],
    },
    repaired: {
      level: 'info',
      meaning: 'The history was put right by hand; `meaning` is what follows from it.',
      fields: ['action', 'name', 'meaning'],
    },
    notice: {
      level: 'info',
      meaning: 'Postgres said something while a migration ran; with severity WARNING the level is `warn`.',
      fields: ['name', 'severity', 'message'],
    },
    interrupted: { level: 'warn', meaning: 'A signal asked the run to stop.', fields: ['signal'] },
    done: {
      level: 'info',
      meaning:
        'Everything that was pending is committed; `recorded` is what `baseline` has recorded without running it.',
      fields: ['applied', 'seeded', 'reverted', 'elapsed_ms'],
      optional: ['recorded'],
    },
    failed: {
      level: 'error',
      meaning: 'The run ends with this exit code; `stack` only with code INTERNAL.',
      fields: ['code', 'exit_code', 'message', 'applied', 'not_run'],
      optional: ['place', 'sqlstate', 'reason', 'detail', 'hint', 'where', 'list', 'problems', 'next', 'stack'],
    },
  }

/** The level of one event. */
export function levelOf(event: Event): Level {
  if (event.type === 'notice' && event.severity === 'WARNING') return 'warn'
  return eventFields[event.type].level
}

type FieldOf<T extends Event['type']> = T extends 'failed'
  ? 'code' | 'exit_code' | 'message' | 'applied' | 'not_run'
  : SnakeCase<Exclude<keyof Extract<Event, { type: T }> & string, 'type'>>

type SnakeCase<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : S
