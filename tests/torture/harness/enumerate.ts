// A fault at each message of a setting's scenario, and what became of it.
import { expect, inject } from 'vitest'
import { addFigures, type Task } from './figures.ts'
import type { Finding } from './judge.ts'
import { inScenes, paintSetting, type Setting } from './scene.ts'
import { type Fault, listMessages, runTrial, type Trial } from './trial.ts'

export interface Enumeration {
  readonly fault: Fault
  readonly setting: Setting
  readonly atOnce: number
  /** Of how many messages one has its turn. */
  readonly every: number
  /** Another server than the one of all tests. */
  readonly serverUrl?: string
}

/** Expects that no trial finds anything; the figures go into the report. */
export async function expectNothing(task: Task, { fault, setting, atOnce, every, serverUrl }: Enumeration) {
  const url = serverUrl ?? inject('postgresUrl')
  const golden = await paintSetting(url, setting)
  const all = await listMessages(url, setting)
  const messages = all.filter((_, i) => i % every === 0)
  expect(messages.length).toBeGreaterThan(0)
  const trials = await inScenes(url, { setting, atOnce }, messages, (scene, one) => runTrial(scene, fault, one, golden))
  addFigures(task, trials)
  expectClean(trials)
}

/** One line for each finding, also where only the message of a failed test is kept. */
export function expectClean(trials: readonly Trial[]): void {
  const found = trials.flatMap(({ findings, ...trial }) => findings.map((one) => describe(trial, one)))
  if (found.length > 0) expect.fail(`${found.length} findings:\n${found.join('\n')}`)
}

function describe({ at, exit }: Omit<Trial, 'findings'>, { kind, what }: Finding): string {
  return `${kind} at ${at}, exit ${exit}: ${what}`
}
