// Plays the controller of an Indexed Job: a pod for each index, tried again as the manifest allows it.
import { until } from '../lab.ts'
import type { PodSpec, Pods } from './pods.ts'

/** What the controller reads of the manifest. */
export interface IndexedJob {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly completionMode: 'Indexed'
    readonly completions: number
    readonly parallelism: number
    readonly backoffLimitPerIndex: number
    readonly podFailurePolicy: { readonly rules: readonly Rule[] }
    readonly template: { readonly spec: PodSpec }
  }
}

interface Rule {
  readonly action: string
  readonly onExitCodes?: { readonly containerName: string; readonly values: readonly number[] }
}

/** A pod of the Job that has been started. */
export interface JobPod {
  readonly name: string
  /** As podman calls its container. */
  readonly container: string
  readonly index: number
  /** null as long as it runs. */
  readonly exitCode: number | null
}

/** A Job that was applied. */
export interface RunningJob {
  /** All pods so far, in the order in which they were started. */
  pods(): readonly JobPod[]
  /** The indexes that were given up, once every index has ended; empty when the Job is complete. */
  readonly ended: Promise<readonly number[]>
}

/** Starts it. `run` is a number that no Job of that name has had, because names of pods are unique. */
export function playIndexedJob(pods: Pods, { metadata, spec }: IndexedJob, run: number): RunningJob {
  const started: { name: string; container: string; index: number; exitCode: number | null }[] = []
  const failed: number[] = []
  const [first] = spec.template.spec.containers
  const isFinal = (exitCode: number) =>
    spec.podFailurePolicy.rules.some(
      ({ action, onExitCodes }) =>
        action === 'FailIndex' && onExitCodes?.containerName === first!.name && onExitCodes.values.includes(exitCode),
    )

  const tryOnce = async (index: number, attempt: number): Promise<number> => {
    const name = `${metadata.name}-${run}-${index}-${attempt}`
    const pod = { name, container: `${name}-${first!.name}`, index, exitCode: null as number | null }
    await pods.play(name, withIndex(spec.template.spec, index))
    started.push(pod)
    await until(async () => (pod.exitCode = await pods.exitCode(pod.container)) !== null, `${name} ended`, 300_000)
    return pod.exitCode!
  }
  const indexes = Array.from({ length: spec.completions }, (_, index) => index).values()
  const worker = async () => {
    for (const index of indexes) {
      let exitCode = 0
      for (let attempt = 0; attempt <= spec.backoffLimitPerIndex; attempt += 1) {
        exitCode = await tryOnce(index, attempt)
        if (exitCode === 0 || isFinal(exitCode)) break
      }
      if (exitCode !== 0) failed.push(index)
    }
  }
  const workers = Array.from({ length: spec.parallelism }, worker)
  const ended = Promise.all(workers).then(() => failed.toSorted((a, b) => a - b))
  // Whoever waits for it hears of it; a test that has failed before does not.
  ended.catch(() => {})
  return { pods: () => started, ended }
}

function withIndex(spec: PodSpec, index: number): PodSpec {
  const own = { name: 'JOB_COMPLETION_INDEX', value: String(index) }
  return { ...spec, containers: spec.containers.map((one) => ({ ...one, env: [...(one.env ?? []), own] })) }
}
