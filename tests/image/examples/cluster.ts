// Plays Kubernetes: kubectl's verbs of the examples, by podman. There is no API server, so what a controller would do
// (the pods of a Deployment or a Job) is done here, from the manifest's own template.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { YAML } from 'zx'
import { must, until } from '../lab.ts'
import { type IndexedJob, type JobPod, type RunningJob, playIndexedJob } from './indexed-job.ts'
import { type PodSpec, openPods } from './pods.ts'

export interface Cluster {
  /** Runs one command line that begins with kubectl; answers what it says, throws when it fails. */
  kubectl(line: string): Promise<string>
  logs(pod: string, container: string): Promise<string>
  /** The pods of an Indexed Job so far. */
  podsOf(job: string): readonly JobPod[]
  /** Ends one by SIGKILL, as when its node is lost. */
  kill(pod: JobPod): Promise<void>
  /** The answer of the database in the pod postgres. */
  query(sql: string): Promise<string>
  /** Removes every pod and secret that was made. */
  remove(): Promise<void>
}

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: { readonly template?: { readonly spec: PodSpec }; readonly completionMode?: string } & Partial<PodSpec>
}

/** A cluster for the manifests of a folder. */
export async function startCluster(folder: string): Promise<Cluster> {
  const work = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-cluster-'))
  const pods = openPods(work)
  const secrets: string[] = []
  const jobs = new Map<string, RunningJob>()
  let runs = 0

  const apply = async (manifest: Manifest): Promise<void> => {
    const { kind, metadata, spec } = manifest
    if (kind === 'Service') return
    if (spec.completionMode !== 'Indexed') return pods.play(metadata.name, spec.template?.spec ?? (spec as PodSpec))
    runs += 1
    jobs.set(metadata.name, playIndexedJob(pods, manifest as unknown as IndexedJob, runs))
  }

  const createSecret = async (line: string) => {
    // The real kubectl reads the command; podman 4 wants the values as they are, where the API has base64.
    const made = JSON.parse(execFileSync('sh', ['-c', `${line} --dry-run=client --output json`], { encoding: 'utf8' }))
    const data = Object.entries<string>(made.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])
    const file = join(work, `secret-${made.metadata.name}.yaml`)
    fs.writeFileSync(file, YAML.stringify({ ...made, data: Object.fromEntries(data) }))
    secrets.push(made.metadata.name)
    return (await must(pods.podman('secret', 'create', made.metadata.name, file))).stdout
  }

  const logs: Cluster['logs'] = (pod, container) => pods.logs(`${pod}-${container}`)
  const exec = async (pod: string, command: readonly string[]) =>
    (await must(pods.podman('exec', `${pod}-${pod}`, ...command))).stdout
  const logsOf = async (job: string) => {
    const each = podsOf(job).map(async ({ name, container }) => `[pod/${name}]\n${await pods.logs(container)}`)
    return (await Promise.all(each)).join('')
  }
  const podsOf: Cluster['podsOf'] = (job) => jobs.get(job)?.pods() ?? []

  const waitForJob = async (job: string) => {
    const indexed = jobs.get(job)
    if (indexed) {
      const failed = await indexed.ended
      if (failed.length > 0) throw new Error(`${job} has failed indexes: ${failed.join(',')}`)
      return `${job} is complete`
    }
    const container = `${job}-${job}`
    await until(async () => (await pods.exitCode(container)) !== null, `${job} ended`, 120_000)
    const code = await pods.exitCode(container)
    if (code !== 0) throw new Error(`${job} ended with ${code}:\n${await logs(job, job)}`)
    return `${job} is complete`
  }

  type Verb = (words: readonly string[], flags: Record<string, string>, line: string) => Promise<string>
  const verbs: Record<string, Verb> = {
    create: (_, __, line) => createSecret(line),
    apply: async (_, { filename }) => {
      const text = fs.readFileSync(join(folder, filename!), 'utf8')
      for (const document of YAML.parseAllDocuments(text)) await apply(document.toJS() as Manifest)
      return `applied ${filename}`
    },
    delete: async (words) => {
      const job = words.at(-1)!
      for (const { name } of podsOf(job)) await pods.down(name)
      return jobs.delete(job) ? `deleted ${job}` : ''
    },
    rollout: async (words) => {
      const pod = nameOf(words.at(-1)!)
      await until(() => pods.isRunning(`${pod}-app`), `${pod} ran`, 120_000)
      return `${pod} runs`
    },
    wait: (words) => waitForJob(nameOf(words.at(-1)!)),
    logs: (words, { container, selector }) =>
      selector === undefined ? logs(nameOf(words.at(-1)!), container!) : logsOf(selector.split('=').at(-1)!),
  }

  return {
    logs,
    podsOf,
    kill: async ({ container }) => {
      await pods.podman('kill', '--signal', 'KILL', container)
    },
    kubectl: async (line) => {
      const [command, rest] = line.split(' -- ')
      const { values, positionals } = parseArgs({
        args: command!.split(' ').slice(1),
        strict: false,
        allowPositionals: true,
        options: Object.fromEntries(
          ['filename', 'container', 'timeout', 'for', 'selector', 'tail'].map((name) => [name, { type: 'string' }]),
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
      await pods.remove()
      for (const name of secrets) {
        await pods.podman('secret', 'rm', name)
        await pods.podman('volume', 'rm', '--force', name)
      }
      // Named like the volumes of the pods, not like the secrets.
      await pods.podman('volume', 'rm', '--force', 'database')
      fs.rmSync(work, { recursive: true, force: true })
    },
  }
}

function nameOf(resource: string): string {
  return resource.slice(resource.indexOf('/') + 1)
}

/** A command line's words, as the shell would pass them on. */
function splitWords(text: string): string[] {
  const words = execFileSync('sh', ['-c', `for word in ${text}; do printf '%s\\0' "$word"; done`], { encoding: 'utf8' })
  return words.split('\0').slice(0, -1)
}
