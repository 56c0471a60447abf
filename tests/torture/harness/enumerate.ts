// A fault at each message of a setting's scenario, and what became of it.
import { expect, inject } from 'vitest'
import { addFigures, type Task } from './figures.ts'
import { inScenes, paintSetting, type Setting } from './scene.ts'
import { type Fault, listMessages, runTrial } from './trial.ts'

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
  expect(trials.filter(({ findings }) => findings.length > 0)).toEqual([])
}
