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
const impatient = { UPFRONT_DEADLINE: '2000ms', UPFRONT_WAIT_TIMEOUT: '2s' }

const lost: Fault[] = [
  { name: 'drop the request', runner: 'here', exits: [0], strike: () => 'drop request' },
  { name: 'drop the reply', runner: 'here', exits: [0], strike: () => 'drop reply' },
  { name: 'reset', runner: 'here', exits: [0], strike: () => 'reset' },
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

// A goodbye that nobody hears is still a good end, so 0 is among them.
const silent: Fault[] = [
  {
    name: 'a black hole before it',
    runner: 'here',
    exits: [0, 30, 31, 32],
    env: impatient,
    strike: () => 'stall',
    after: () => 'stall',
  },
  {
    name: 'a black hole after it',
    runner: 'here',
    exits: [0, 30, 31, 32],
    env: impatient,
    strike: () => 'stall reply',
    after: () => 'stall',
  },
]

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

export const faults = { lost, silent, deadly }
