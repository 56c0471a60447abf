// One trial: the scenario, one fault at one message, and everything that must hold afterwards.
import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import { type Database, withDatabase } from '../../support/database.ts'
import { type Fate, type Message, startProxy } from '../../support/proxy.ts'
import { type Ended, type Process, startProgram } from './program.ts'
import { type Picture } from './scenario.ts'
import { type State, countUnits, findTorn, isComplete, readState } from './state.ts'

/** What is done to a run when its message number k passes. */
export interface Fault {
  readonly name: string
  /** A process of its own, or main() in this one. */
  readonly runner: 'process' | 'here'
  /** How it may end; what else is a finding. */
  readonly exits: readonly number[]
  readonly env?: Readonly<Record<string, string>>
  /** Within how many milliseconds of the strike it has to be over; else the deadline and 5 s count. */
  readonly limitMs?: number
  /** Begins the next run at once instead of after a look at what is left. */
  readonly successorAtOnce?: (k: number) => boolean
  strike(at: Strike): Fate | Promise<Fate>
  /** The fate of what comes after the strike, also on later connections. */
  after?(message: Message): Fate
}

export interface Strike {
  readonly db: Database
  readonly child: Process | undefined
}

export interface Finding {
  readonly kind: 'torn' | 'false success' | 'false claim' | 'hang' | 'leak' | 'secret' | 'exit' | 'words' | 'rerun'
  readonly what: string
}

export interface Trial {
  readonly fault: string
  readonly at: string
  readonly exit: number
  readonly findings: readonly Finding[]
  /** Until nothing of the run was left on the server. */
  readonly settledMs: number
  readonly rerunMs: number
}

const deadlineMs = 20_000
const settleLimitMs = 10_000

/** Settings that make every wait of a trial short. */
const shortWaits = { UPFRONT_WAIT_TIMEOUT: '15s', UPFRONT_LOCK_WAIT: '15s', UPFRONT_LOCK_RETRY: '5s' }

/**
 * The messages of a run without a fault; what is enumerated. Those between Parse and Sync are left out: pg writes the
 * five of them at once, and what happens between them happens to all.
 */
export async function listMessages(serverUrl: string): Promise<readonly Message[]> {
  let messages: readonly Message[] = []
  await withDatabase(serverUrl, async (db) => {
    await using proxy = await startProxy(Number(new URL(serverUrl).port))
    const { exitCode, stderr } = await db.up([], { ...scenarioEnv(), UPFRONT_DATABASE_URL: db.urlOf(proxy) })
    if (exitCode !== 0) throw new Error(`the scenario does not run without a fault:\n${stderr}`)
    messages = proxy.messages.filter(({ connection, type }) => connection === 1 && !/^[BDE]$/.test(type))
  })
  return messages
}

export async function runTrial(
  db: Database,
  fault: Fault,
  { place: k, type, text }: Message,
  golden: readonly Picture[],
): Promise<Trial> {
  const at = `${k} ${type} ${text.trim().replace(/\s+/g, ' ').slice(0, 60)}`
  const findings: Finding[] = []
  const find = (kind: Finding['kind'], what: string) => void findings.push({ kind, what })
  const report = (exit: number, settledMs = 0, rerunMs = 0) => ({
    fault: fault.name,
    at,
    exit,
    settledMs,
    rerunMs,
    findings,
  })
  const first = await runStruck(db, fault, k)
  if (first === 'hang') {
    find('hang', 'it had not ended in time')
    return report(-1)
  }
  judgeEnd(fault, first, db, find)
  let settledMs = 0
  let state: State | undefined
  if (!fault.successorAtOnce?.(k)) {
    settledMs = await settle(db, find)
    state = await readState(db)
    for (const what of findTorn(state, golden)) find('torn', what)
    judgeClaims(first, state, golden, find)
  }
  const begun = performance.now()
  await converge(db, first.exitCode, state, golden, find)
  return report(first.exitCode, settledMs, performance.now() - begun)
}

/** What a run of the scenario is told, besides which database. */
export function scenarioEnv() {
  const scenario = inject('scenario')
  return {
    ...shortWaits,
    UPFRONT_MIGRATIONS_DIR: scenario.migrations,
    UPFRONT_SEEDS_DIR: scenario.seeds,
    UPFRONT_SEED: 'demo',
    UPFRONT_DEADLINE: `${deadlineMs}ms`,
  }
}

/** The run that the fault strikes; the network is whole again when this resolves. */
async function runStruck(db: Database, fault: Fault, k: number): Promise<Ended | 'hang'> {
  let child: Process | undefined
  let struckAt: number | undefined
  await using proxy = await startProxy(Number(new URL(db.url).port), (message) => {
    if (message.connection === 1 && message.place === k && struckAt === undefined) {
      struckAt = performance.now()
      return fault.strike({ db, child })
    }
    return struckAt === undefined ? 'forward' : (fault.after?.(message) ?? 'forward')
  })
  const env = { ...scenarioEnv(), ...fault.env, UPFRONT_DATABASE_URL: db.urlOf(proxy) }
  const over = new AbortController()
  const limit = Number.parseInt(env.UPFRONT_DEADLINE) + 5_000
  const late = sleep(limit, 'hang' as const, { signal: over.signal, ref: false })
  late.catch(() => {})
  try {
    if (fault.runner === 'here') return await Promise.race([db.up([], env), late])
    child = startProgram(inject('program'), { env: { ...db.env, ...env }, cwd: db.dir })
    const ended = await Promise.race([child.ended, late])
    const tookMs = performance.now() - (struckAt ?? Infinity)
    return fault.limitMs !== undefined && tookMs > fault.limitMs ? 'hang' : ended
  } finally {
    over.abort()
    child?.kill('SIGKILL')
  }
}

type Find = (kind: Finding['kind'], what: string) => void

/** The exit code, the last words, and no secret in any of them. */
function judgeEnd({ exits }: Fault, { exitCode, stdout, stderr }: Ended, db: Database, find: Find): void {
  if (!exits.includes(exitCode)) find('exit', `exit ${exitCode}: ${stderr.trim().split('\n').slice(-6).join(' | ')}`)
  if (exitCode === 30 && /^disconnected /m.test(stderr)) find('exit', 'it was connected: that is 32, not 30')
  const { password } = new URL(db.url)
  if ((stdout + stderr).includes(password)) find('secret', 'the password is in the output')
  const last = stderr.trimEnd().split('\n').at(-1) ?? ''
  if (exitCode === 0 && !/^(done|up to date) /.test(last)) find('words', `the last line is not the summary: ${last}`)
  if (exitCode === 0 || exitCode === 137) return
  if (!new RegExp(`^failed +${exitCode} [A-Z_]+`).test(last)) find('words', `the last line is not the summary: ${last}`)
  if (!/next: ./.test(stderr)) find('words', 'nothing says what to do next')
}

/** Success and `applied` are said of what is there, `rolled back` of what is not. */
function judgeClaims({ exitCode, stderr }: Ended, state: State, golden: readonly Picture[], find: Find): void {
  const there = state.history.filter((row) => row.state === 'applied').map(({ name }) => name)
  const claimed = [...stderr.matchAll(/^(?:applied|seeded) {2,}(.+?) {2}\d/gm)].map(([, name]) => name!)
  if (exitCode === 0 && (!isComplete(state) || state.invalid.length > 0)) find('false success', 'exit 0, not all of it')
  for (const name of claimed) if (!there.includes(name)) find('false claim', `${name} was called applied and is not`)
  const unsaid = there.filter((name) => !claimed.includes(name))
  if (exitCode !== 137 && /rolled back/.test(stderr) && unsaid.length > 0)
    find('false claim', `it says "rolled back", but ${unsaid.join()} is applied: ${stderr.slice(-400)}`)
  if (/rolled back/.test(stderr) && state.catalog.join() !== golden[countUnits(state.history)]!.catalog.join())
    find('false claim', `it says "rolled back", but more is there than the history says: ${stderr.slice(-400)}`)
  if (exitCode === 23 && state.invalid.length === 0) find('false claim', 'exit 23, and every index is valid')
}

/** How long sessions and locks of ours stay on the server; more than 10 s is a leak. */
async function settle(db: Database, find: Find): Promise<number> {
  const begun = performance.now()
  for (;;) {
    const { sessions, locks } = await db.leftovers()
    const elapsed = performance.now() - begun
    if (sessions === 0 && locks === 0) return elapsed
    if (elapsed > settleLimitMs) {
      find('leak', `${sessions} sessions and ${locks} locks 10 s after the end`)
      return elapsed
    }
  }
}

/** A run without a fault ends the story, or repeats what a person has to mend without doing anything. */
async function converge(
  db: Database,
  firstExit: number,
  before: State | undefined,
  golden: readonly Picture[],
  find: Find,
): Promise<void> {
  let { exitCode, stderr } = await db.up([], scenarioEnv())
  const isForPeople = firstExit >= 20 && firstExit <= 26
  if (isForPeople && before) {
    const after = await readState(db)
    if (exitCode !== firstExit) find('rerun', `exit ${firstExit}, and then ${exitCode}`)
    if (JSON.stringify(after) !== JSON.stringify(before)) find('rerun', 'a refused rerun changed something')
  }
  if (exitCode === 23 && (await readState(db)).invalid.length > 0) {
    ;({ exitCode, stderr } = await db.up([], { ...scenarioEnv(), UPFRONT_INVALID_INDEXES: 'drop' }))
  }
  if (exitCode !== 0) return find('rerun', `the clean rerun is exit ${exitCode}: ${stderr.trim().slice(-500)}`)
  const state = await readState(db)
  if (!isComplete(state) || state.invalid.length > 0) find('false success', 'the rerun is exit 0, not all of it')
  for (const what of findTorn(state, golden)) find('torn', `after the rerun: ${what}`)
}
