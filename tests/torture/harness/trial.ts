// One trial: a scenario, one fault at one message, and everything that must hold afterwards.
import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import type { Database } from '../../support/database.ts'
import { type Fate, type Message, startProxy } from '../../support/proxy.ts'
import { type Find, type Finding, judgeClaims, judgeEnd } from './judge.ts'
import type { Picture } from './picture.ts'
import { type Ended, type Process, startProgram } from './program.ts'
import type { Scenario } from './scenario.ts'
import { type Scene, type Setting, withScene } from './scene.ts'
import { type State, findTorn, isComplete, readState } from './state.ts'
import { empty, limitWork } from './turns.ts'

/** What is done to a run when its message number k passes. */
export interface Fault {
  readonly name: string
  /** A process of its own, or main() in this one. */
  readonly runner: 'process' | 'here'
  /** How it may end; 0 stands for how the scenario ends by itself, and what else is a finding. */
  readonly exits: readonly number[]
  /** Settings of the run that it strikes; an undefined one has its default. */
  readonly env?: Env
  /** Within how many milliseconds of the strike it has to be over; else the deadline and some seconds count. */
  readonly limitMs?: number
  /** Begins the next run at once instead of after a look at what is left. */
  readonly successorAtOnce?: (k: number) => boolean
  strike(at: Strike): Fate | Promise<Fate>
  /** The fate of what comes after the strike, also on later connections. */
  after?(message: Message): Fate
}

type Env = Readonly<Record<string, string | undefined>>

export interface Strike {
  readonly db: Database
  readonly child: Process | undefined
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

/** What a busy machine may take for the end itself; many runs share one process. */
const endSlackMs = 20_000

/**
 * Who is before its strike or repeats the run is at work, which few are at once: else all who were struck in the same
 * second go on in the same second, and on a slow machine their own crowd is what they are late by.
 */
const beginWork = limitWork(8)

/** Settings that make every wait of a trial short. */
const shortWaits = { UPFRONT_WAIT_TIMEOUT: '15s', UPFRONT_LOCK_WAIT: '15s', UPFRONT_LOCK_RETRY: '5s' }

/** What a run of a scenario is told, besides which database. */
export function scenarioEnv({ name }: Scenario) {
  const { migrations, seeds } = inject('bundles')[name]!
  return {
    ...shortWaits,
    UPFRONT_MIGRATIONS_DIR: migrations,
    UPFRONT_SEEDS_DIR: seeds,
    UPFRONT_SEED: 'demo',
    UPFRONT_DEADLINE: `${deadlineMs}ms`,
  }
}

/**
 * The messages of a run without a fault; what is enumerated. Those between Parse and Sync are left out: pg writes the
 * five of them at once, and what happens between them happens to all.
 */
export async function listMessages(serverUrl: string, setting: Setting): Promise<readonly Message[]> {
  let messages: readonly Message[] = []
  await withScene(serverUrl, setting, async ({ db, scenario, owner, urlBy }) => {
    await empty(db, owner)
    await using proxy = await startProxy(Number(new URL(serverUrl).port))
    const env = { ...scenarioEnv(scenario), UPFRONT_DATABASE_URL: urlBy(proxy.port) }
    const { exitCode, stderr } = await db.up([], env)
    if (exitCode !== scenario.end) throw new Error(`${scenario.name} is exit ${exitCode} without a fault:\n${stderr}`)
    messages = thinOut(proxy.messages.filter(({ connection, type }) => connection === 1 && !/^[BDE]$/.test(type)))
  })
  return messages
}

/** Of messages in a row that are alike, the chunks of a large file, the first two and the last two stand for all. */
function thinOut(messages: readonly Message[]): Message[] {
  const alike = (a: Message | undefined, b: Message) =>
    a !== undefined && a.type === b.type && /^[dQ]$/.test(b.type) && a.text.slice(0, 18) === b.text.slice(0, 18)
  return messages.filter(
    (one, i) =>
      ![-2, -1, 1, 2].every((step) => {
        const near = messages[i + step]
        return near !== undefined && alike(near, one)
      }),
  )
}

export async function runTrial(
  scene: Scene,
  fault: Fault,
  { place: k, type, text }: Message,
  golden: readonly Picture[],
): Promise<Trial> {
  const { db, scenario } = scene
  const at = `${k} ${type} ${text.slice(0, 200).trim().replace(/\s+/g, ' ').slice(0, 60)}`
  const findings: Finding[] = []
  const find: Find = (kind, what) => void findings.push({ kind, what })
  const report = (exit: number, settledMs = 0, rerunMs = 0) => ({
    fault: fault.name,
    at,
    exit,
    settledMs,
    rerunMs,
    findings,
  })
  const first = await runStruck(scene, fault, k)
  if (typeof first === 'string') {
    find('hang', first)
    return report(-1)
  }
  judgeEnd(scene, fault.exits, first, find)
  let settledMs = 0
  let state: State | undefined
  if (!fault.successorAtOnce?.(k)) {
    settledMs = await settle(db, find)
    state = await readState(db)
    for (const what of findTorn(scenario, state, golden)) find('torn', what)
    judgeClaims(scenario, first, state, golden, find)
  }
  const endWork = fault.successorAtOnce?.(k) ? () => {} : await beginWork()
  const begun = performance.now()
  try {
    await converge(scene, { firstExit: first.exitCode, before: state, golden }, find)
  } finally {
    endWork()
  }
  return report(first.exitCode, settledMs, performance.now() - begun)
}

/** The run that the fault strikes; the network is whole again when this resolves. Text is why it counts as a hang. */
async function runStruck({ db, scenario, urlBy }: Scene, fault: Fault, k: number): Promise<Ended | string> {
  let child: Process | undefined
  let struckAt: number | undefined
  const endWork = await beginWork()
  await using proxy = await startProxy(Number(new URL(db.url).port), (message) => {
    if (message.connection === 1 && message.place === k && struckAt === undefined) {
      struckAt = performance.now()
      endWork()
      return fault.strike({ db, child })
    }
    return struckAt === undefined ? 'forward' : (fault.after?.(message) ?? 'forward')
  })
  const env: Env = { ...scenarioEnv(scenario), ...fault.env, UPFRONT_DATABASE_URL: urlBy(proxy.port) }
  const over = new AbortController()
  const bound = Number.parseInt(env['UPFRONT_DEADLINE'] ?? '') || (fault.limitMs ?? 0) + endSlackMs
  const late = sleep(bound + endSlackMs, `it had not ended ${bound + endSlackMs} ms after its start`, {
    signal: over.signal,
    ref: false,
  })
  late.catch(() => {})
  try {
    const run = () => {
      if (fault.runner === 'here') return db.up([], env)
      child = startProgram(inject('program'), { env: { ...db.env, ...env }, cwd: db.dir })
      return child.ended
    }
    const ended = await Promise.race([run(), late])
    const tookMs = performance.now() - (struckAt ?? Infinity)
    const isLate = fault.limitMs !== undefined && tookMs > fault.limitMs && typeof ended !== 'string'
    return isLate ? `it took ${Math.round(tookMs)} ms, exit ${ended.exitCode}: ${ended.stderr.slice(-600)}` : ended
  } finally {
    endWork()
    over.abort()
    child?.kill('SIGKILL')
  }
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

interface Before {
  readonly firstExit: number
  readonly before: State | undefined
  readonly golden: readonly Picture[]
}

/** A run without a fault ends the story, or repeats what a person has to mend without doing anything. */
async function converge({ db, scenario, urlBy }: Scene, { firstExit, before, golden }: Before, find: Find) {
  const env = { ...scenarioEnv(scenario), UPFRONT_DATABASE_URL: urlBy() }
  let { exitCode, stderr } = await db.up([], env)
  const isForPeople = firstExit >= 20 && firstExit <= 26
  if (isForPeople && before) {
    const after = await readState(db)
    if (exitCode !== firstExit) find('rerun', `exit ${firstExit}, and then ${exitCode}`)
    if (JSON.stringify(after) !== JSON.stringify(before)) find('rerun', 'a refused rerun changed something')
  }
  if (exitCode === 23 && (await readState(db)).invalid.length > 0) {
    ;({ exitCode, stderr } = await db.up([], { ...env, UPFRONT_INVALID_INDEXES: 'drop' }))
  }
  if (exitCode !== scenario.end)
    return find('rerun', `the clean rerun is exit ${exitCode}: ${stderr.trim().slice(-500)}`)
  await settle(db, find)
  const state = await readState(db)
  if (!isComplete(scenario, state)) find('false success', `the rerun is exit ${exitCode}, not all of it`)
  for (const what of findTorn(scenario, state, golden)) find('torn', `after the rerun: ${what}`)
}
