// Plays pods by podman: one manifest of a pod, with what podman 4.3 has to be told in other words.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { YAML } from 'zx'
import { type Outcome, must, root, run } from '../lab.ts'

/** The spec of a pod, as far as it is looked at here. */
export interface PodSpec {
  readonly restartPolicy?: string
  readonly volumes?: readonly { readonly name: string; readonly secret?: object }[]
  readonly initContainers?: readonly Container[]
  readonly containers: readonly Container[]
}

interface Container {
  readonly name: string
  readonly image: string
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
}

/** Pods that were played; their containers are called as podman calls them, `POD-CONTAINER`. */
export interface Pods {
  /** Any podman command; never throws. */
  podman(...args: readonly string[]): Promise<Outcome>
  /** Starts a pod of that name. */
  play(name: string, spec: PodSpec): Promise<void>
  /** Removes one pod, and what it has said. */
  down(name: string): Promise<void>
  logs(container: string): Promise<string>
  /** Its exit code; null as long as it runs or is to run. */
  exitCode(container: string): Promise<number | null>
  isRunning(container: string): Promise<boolean>
  /** Removes all pods, and the images that were brought. */
  remove(): Promise<void>
}

/** Pods whose manifests are written below a folder. */
export function openPods(work: string): Pods {
  const kube = join(process.env['UPFRONT_SHARED'] ?? join(root, '../shared'), 'containers/kube')
  if (!fs.existsSync(kube)) {
    throw new Error(`To play pods these tests need podman, by the script ${kube}; UPFRONT_SHARED says where that is.`)
  }
  const played = new Map<string, string>()
  const brought = new Map<string, Promise<unknown>>()
  let isOver = false
  // The script writes its settings anew with every call: where calls shared them, one would read them half written.
  const podman: Pods['podman'] = (...args) => run('env', `TMPDIR=${fs.mkdtempSync(join(work, 'call-'))}`, kube, ...args)
  const stateOf = async (container: string) => {
    const { stdout } = await podman('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', container)
    const [status, code] = stdout.trim().split(' ')
    return { status, code: Number(code) }
  }
  const down: Pods['down'] = async (name) => {
    await podman('down', played.get(name)!)
    played.delete(name)
  }
  return {
    podman,
    down,
    play: async (name, spec) => {
      // What plays a controller may still be at work when a test has failed.
      if (isOver) throw new Error(`${name} comes after the end`)
      const file = join(work, `${name}.yaml`)
      fs.writeFileSync(file, YAML.stringify(manifestOf(name, spec)))
      played.set(name, file)
      const images = [...(spec.initContainers ?? []), ...spec.containers].map(({ image }) => image)
      const missing = [...new Set(images)].filter((image) => !brought.has(image))
      await Promise.all(images.map((image) => brought.get(image)))
      const playing = must(podman('play', file, ...missing))
      for (const image of missing) brought.set(image, playing)
      await playing
    },
    logs: async (container) => {
      const { stdout, stderr } = await podman('logs', container)
      return stdout + stderr
    },
    exitCode: async (container) => {
      const { status, code } = await stateOf(container)
      return status === 'exited' ? code : null
    },
    isRunning: async (container) => (await stateOf(container)).status === 'running',
    remove: async () => {
      isOver = true
      for (const name of [...played.keys()].toReversed()) await down(name)
      for (const image of brought.keys())
        if (image.startsWith('registry.example.com/')) await podman('rmi', '--force', image)
    },
  }
}

function manifestOf(name: string, spec: PodSpec): object {
  // A secret is not optional, which is the default of the API and not of podman.
  const volumes = spec.volumes?.map((volume) =>
    volume.secret === undefined ? volume : { ...volume, secret: { ...volume.secret, optional: false } },
  )
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    // Podman removes an init container of the other type when it has ended, and its log with it.
    metadata: { name, annotations: { 'io.podman.annotations.init.container.type': 'always' } },
    // Podman runs an init container that has succeeded again when the policy is Always, which a Deployment's is.
    spec: { ...spec, ...(volumes === undefined ? {} : { volumes }), restartPolicy: 'Never' },
  }
}
