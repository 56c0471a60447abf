// Plays Kubernetes: kubectl's verbs of the examples, by podman. There is no API server, so what a controller would do
// (a Deployment's or a Job's pod) is done here, from the manifest's own template.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { YAML } from 'zx'
import { must, root, run, until } from '../lab.ts'

export interface Cluster {
  /** Runs one command line that begins with kubectl; answers what it says, throws when it fails. */
  kubectl(line: string): Promise<string>
  logs(pod: string, container: string): Promise<string>
  /** The answer of the database in the pod postgres. */
  query(sql: string): Promise<string>
  /** Removes every pod and secret that was made. */
  remove(): Promise<void>
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: { readonly template?: { readonly spec: Pod } } & Partial<Pod>
}

interface Pod {
  readonly restartPolicy?: string
  readonly volumes?: readonly { readonly name: string; readonly secret?: object }[]
  readonly initContainers?: readonly { readonly image: string }[]
  readonly containers: readonly { readonly image: string }[]
}

/** A cluster for the manifests of a folder. */
export async function startCluster(folder: string): Promise<Cluster> {
  const kube = join(process.env['UPFRONT_SHARED'] ?? join(root, '../shared'), 'containers/kube')
  if (!fs.existsSync(kube)) {
    throw new Error(`To play pods these tests need podman, by the script ${kube}; UPFRONT_SHARED says where that is.`)
  }
  const work = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-cluster-'))
  const played: string[] = []
  const secrets: string[] = []
  const brought = new Set<string>()
  const podman = (...args: string[]) => run(kube, ...args)

  const play = async ({ metadata, spec, kind }: Manifest): Promise<void> => {
    if (kind === 'Service') return
    const pod = spec.template?.spec ?? (spec as Pod)
    const file = join(work, `${metadata.name}.yaml`)
    const images = [...(pod.initContainers ?? []), ...pod.containers].map(({ image }) => image)
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      // Podman removes an init container of the other type when it has ended, and its log with it.
      metadata: { name: metadata.name, annotations: { 'io.podman.annotations.init.container.type': 'always' } },
      // Podman runs an init container that has succeeded again when the policy is Always, which a Deployment's is.
      spec: { ...forPodman(pod), restartPolicy: 'Never' },
    }
    fs.writeFileSync(file, YAML.stringify(manifest))
    played.push(file)
    for (const image of images) brought.add(image)
    await must(podman('play', file, ...new Set(images)))
  }

  const createSecret = async (line: string) => {
    // The real kubectl reads the command; podman 4 wants the values as they are, where the API has base64.
    const made = JSON.parse(execFileSync('sh', ['-c', `${line} --dry-run=client --output json`], { encoding: 'utf8' }))
    const data = Object.entries<string>(made.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])
    const file = join(work, `secret-${made.metadata.name}.yaml`)
    fs.writeFileSync(file, YAML.stringify({ ...made, data: Object.fromEntries(data) }))
    secrets.push(made.metadata.name)
    return (await must(podman('secret', 'create', made.metadata.name, file))).stdout
  }

  const logs: Cluster['logs'] = async (pod, container) => {
    const { stdout, stderr } = await podman('logs', `${pod}-${container}`)
    return stdout + stderr
  }
  const exec = async (pod: string, command: readonly string[]) =>
    (await must(podman('exec', `${pod}-${pod}`, ...command))).stdout
  const stateOf = async (container: string) => {
    const { stdout } = await podman('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', container)
    return stdout.trim()
  }

  const verbs: Record<
    string,
    (words: readonly string[], flags: Record<string, string>, line: string) => Promise<string>
  > = {
    create: (_, __, line) => createSecret(line),
    apply: async (_, { filename }) => {
      const text = fs.readFileSync(join(folder, filename!), 'utf8')
      for (const document of YAML.parseAllDocuments(text)) await play(document.toJS() as Manifest)
      return `applied ${filename}`
    },
    rollout: async (words) => {
      const pod = nameOf(words.at(-1)!)
      await until(async () => (await stateOf(`${pod}-app`)).startsWith('running'), `${pod} ran`, 120_000)
      return `${pod} runs`
    },
    wait: async (words) => {
      const job = nameOf(words.at(-1)!)
      await until(async () => (await stateOf(`${job}-${job}`)).startsWith('exited'), `${job} ended`, 120_000)
      const state = await stateOf(`${job}-${job}`)
      if (state !== 'exited 0') throw new Error(`${job} ${state}:\n${await logs(job, job)}`)
      return `${job} is complete`
    },
    logs: (words, { container }) => logs(nameOf(words.at(-1)!), container!),
  }

  return {
    logs,
    kubectl: async (line) => {
      const [command, rest] = line.split(' -- ')
      const { values, positionals } = parseArgs({
        args: command!.split(' ').slice(1),
        strict: false,
        allowPositionals: true,
        options: Object.fromEntries(
          ['filename', 'container', 'timeout', 'for'].map((name) => [name, { type: 'string' }]),
        ),
      })
      const [verb = '', ...words] = positionals
      if (verb === 'exec') return exec(nameOf(words[0]!), splitWords(rest!))
      if (!verbs[verb]) throw new Error(`kubectl ${verb} is not played here: ${line}`)
      return verbs[verb](words, values as Record<string, string>, line)
    },
    query: async (sql) =>
      (
        await exec('postgres', ['psql', '-U', 'postgres', '-d', 'app', '--tuples-only', '--no-align', '-c', sql])
      ).trim(),
    remove: async () => {
      for (const file of played.reverse()) await podman('down', file)
      for (const name of secrets) {
        await podman('secret', 'rm', name)
        await podman('volume', 'rm', '--force', name)
      }
      // Named like the volumes of the pods, not like the secrets.
      await podman('volume', 'rm', '--force', 'database')
      for (const image of brought) if (image.startsWith('registry.example.com/')) await podman('rmi', '--force', image)
      fs.rmSync(work, { recursive: true, force: true })
    },
  }
}

/** What podman 4.3 has to be told in other words: that a secret is not optional, which is the default. */
function forPodman(pod: Pod): Pod {
  const volumes = pod.volumes?.map((volume) =>
    volume.secret === undefined ? volume : { ...volume, secret: { ...volume.secret, optional: false } },
  )
  return { ...pod, ...(volumes === undefined ? {} : { volumes }) }
}

function nameOf(resource: string): string {
  return resource.slice(resource.indexOf('/') + 1)
}

/** A command line's words, as the shell would pass them on. */
function splitWords(text: string): string[] {
  const words = execFileSync('sh', ['-c', `for word in ${text}; do printf '%s\\0' "$word"; done`], { encoding: 'utf8' })
  return words.split('\0').slice(0, -1)
}
