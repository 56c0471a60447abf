// What production does to a runner, each at one message.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fate } from '../../support/proxy.ts'
import type { Fault, Strike } from './trial.ts'

const terminate = ({ db }: Strike) =>
  db.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like 'upfront/%'`)

/** Long enough for a message to reach the server and be done there. */
const doneMs = 50

/** Seconds instead of minutes for a run that nobody answers. */
const impatient = { UPFRONT_DEADLINE: '4000ms', UPFRONT_WAIT_TIMEOUT: '2s' }

const lost: Fault[] = [
  { name: 'drop the request', runner: 'here', exits: [0], strike: () => 'drop request' },
  { name: 'drop the reply', runner: 'here', exits: [0], strike: () => 'drop reply' },
  {
    name: 'reset',
    runner: 'here',
    // The server ends what takes longer than it needs to see that nobody is there any more, also an index.
    exits: [0, 23],
    strike: () => 'reset',
  },
  {
    name: 'terminate the backend before it',
    runner: 'here',
    exits: [0],
    strike: async (at): Promise<Fate> => (await terminate(at), 'forward'),
  },
  {
    name: 'terminate the backend as it works',
    runner: 'here',
    // An index that is being made is left invalid.
    exits: [0, 23],
    strike: (at) => (void terminate(at), 'forward'),
  },
  // Not once but from then on.
  {
    name: 'the server gone for good',
    runner: 'here',
    exits: [0, 30, 32],
    env: { UPFRONT_WAIT_TIMEOUT: '500ms' },
    strike: () => 'drop request',
    after: () => 'drop request',
  },
]

/** Another session has a row that the COPY brings too, for longer than lock_timeout: what had been sent is sent again. */
const conflict: Fault = {
  name: 'a conflict for a moment',
  runner: 'here',
  exits: [0],
  env: { UPFRONT_LOCK_TIMEOUT: '300ms' },
  strike: async ({ db }): Promise<Fate> => {
    const other = await db.connect()
    try {
      await other.query(
        `set lock_timeout = '100ms'; begin; insert into copied values (250, 'somebody else'), (425, 'somebody else')`,
      )
      void sleep(1_000).then(() => other.end())
    } catch {
      // The table is not there yet, or the run has the rows already.
      await other.end()
    }
    return 'forward'
  },
}

// A goodbye that nobody hears is still a good end, so 0 is among them.
const silent: Fault[] = [
  {
    name: 'a black hole before it',
    runner: 'here',
    // On a busy machine the deadline comes before the fault, and may meet an index that is being made.
    exits: [0, 23, 30, 31, 32],
    env: impatient,
    strike: () => 'stall',
    after: () => 'stall',
  },
  {
    name: 'a black hole after it',
    runner: 'here',
    // On a busy machine the deadline comes before the fault, and may meet an index that is being made.
    exits: [0, 23, 30, 31, 32],
    env: impatient,
    strike: () => 'stall reply',
    after: () => 'stall',
  },
]

/** Nobody has set anything: neither a deadline nor how long to wait for what. */
const defaults = {
  UPFRONT_DEADLINE: undefined,
  UPFRONT_WAIT_TIMEOUT: undefined,
  UPFRONT_AUTH_GRACE: undefined,
  UPFRONT_LOCK_WAIT: undefined,
  UPFRONT_LOCK_RETRY: undefined,
}

/** A network, or a proxy in it, that acknowledges what is sent and never answers. */
const quiet = {
  /** It takes a new connection to go on. */
  once: (fate: 'stall' | 'stall reply'): Fault => ({
    name: `no answer any more on this connection (${fate === 'stall' ? 'it does not arrive' : 'it arrives'})`,
    runner: 'here',
    exits: [0],
    env: defaults,
    limitMs: 90_000,
    strike: () => fate,
  }),
  /** And on every later one. */
  forGood: (fate: 'stall' | 'stall reply'): Fault => ({
    name: `no answer any more on any connection (${fate === 'stall' ? 'it does not arrive' : 'it arrives'})`,
    runner: 'here',
    exits: [0, 30, 32],
    env: defaults,
    limitMs: 90_000,
    strike: () => fate,
    after: () => fate,
  }),
}

const deadly: Fault[] = [
  {
    name: 'SIGKILL',
    runner: 'process',
    exits: [0, 137],
    successorAtOnce: (k) => k % 2 === 1,
    strike: ({ child }) => (child!.kill('SIGKILL'), 'forward'),
  },
  {
    name: 'SIGKILL when it is done',
    runner: 'process',
    exits: [0, 137],
    strike: ({ child }) => {
      void sleep(doneMs).then(() => child!.kill('SIGKILL'))
      return 'stall reply'
    },
  },
  {
    name: 'SIGTERM',
    runner: 'process',
    exits: [0, 143, 23],
    limitMs: 8_000,
    strike: ({ child }) => (child!.kill('SIGTERM'), 'forward'),
  },
  {
    name: 'SIGTERM while nobody answers',
    runner: 'process',
    exits: [0, 143, 23],
    limitMs: 8_000,
    strike: ({ child }) => (child!.kill('SIGTERM'), 'stall reply'),
  },
]

export const faults = { lost, conflict, silent, quiet, deadly }

/** Faults of a kind, all of them at one message once. */
export type Kind = 'lost' | 'silent' | 'deadly'
