import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { YAML } from 'zx'
import { parseArguments } from '../../src/arguments.ts'
import { parseDuration } from '../../src/config/duration.ts'
import { settings } from '../../src/config/settings.ts'
import { failures } from '../../src/errors.ts'

const root = join(import.meta.dirname, '../..')
const kubernetes = join(root, 'examples/kubernetes')
const work = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-examples-'))
afterAll(() => fs.rmSync(work, { recursive: true, force: true }))

interface Container {
  readonly name: string
  readonly image: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string }[]
  readonly securityContext?: Record<string, unknown>
  readonly resources?: Record<string, unknown>
  readonly restartPolicy?: string
  readonly startupProbe?: { readonly exec: { readonly command: readonly string[] } } & Readonly<Record<string, unknown>>
}

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: Templated & { readonly jobTemplate?: { readonly spec: Templated } }
}

type Templated = Record<string, unknown> & { readonly template?: { readonly spec: PodSpec } }

/** Of whatever makes pods. */
function podOf({ spec }: Manifest): PodSpec | undefined {
  return (spec.jobTemplate?.spec ?? spec).template?.spec
}

interface PodSpec {
  readonly restartPolicy?: string
  readonly securityContext?: Record<string, unknown>
  readonly initContainers?: readonly Container[]
  readonly containers: readonly Container[]
}

const manifests = fs
  .readdirSync(kubernetes, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => documentsOf(join(kubernetes, file)).map((manifest) => ({ file, manifest })))

function documentsOf(path: string): Manifest[] {
  return YAML.parseAllDocuments(fs.readFileSync(path, 'utf8')).map((document) => document.toJS() as Manifest)
}

test(
  'the manifests are what the API of Kubernetes takes, without an unknown or misspelled field',
  { timeout: 60_000 },
  () => {
    const modules: Record<string, string> = { 'apps/v1': 'apps/v1', 'batch/v1': 'batch/v1', v1: 'core/v1' }
    const check = (name: string, list: readonly Manifest[]) => {
      const lines = list.map(({ apiVersion, kind, ...rest }, i) => {
        const text = JSON.stringify({ apiVersion, kind, ...rest }, null, 1)
        return `import type { ${kind} as Kind${i} } from 'kubernetes-types/${modules[apiVersion]}'\nexport const m${i}: Kind${i} = ${text}\n`
      })
      fs.writeFileSync(join(work, name), lines.join('\n'))
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const flags = ['--noEmit', '--strict', '--ignoreConfig', '--module', 'nodenext', '--types', '']
      return spawnSync(process.execPath, [tsc, ...flags, name], { cwd: work, encoding: 'utf8' }).stdout
    }
    fs.symlinkSync(join(root, 'node_modules'), join(work, 'node_modules'))
    const all = manifests.map(({ manifest }) => manifest)
    expect(all.length).toBeGreaterThanOrEqual(6)
    expect(check('manifests.ts', all)).toBe('')
    // The check itself: a name that is nearly right does not pass.
    const job = all.find(({ kind }) => kind === 'Job')!
    expect(check('wrong.ts', [{ ...job, spec: { ...job.spec, podFailurePolices: {} } }])).toContain('podFailurePolices')
  },
)

test.each([
  ['job.yaml', 'FailJob'],
  ['rollout/contract.yaml', 'FailJob'],
  ['fleet/job.yaml', 'FailIndex'],
])('the policy of %s ends in %s for exactly what retrying cannot help', (file, action) => {
  const [job] = documentsOf(join(kubernetes, file))
  const { rules } = job!.spec['podFailurePolicy'] as { rules: { action: string; onExitCodes?: { operator: string; values: number[]; containerName: string } }[] } // prettier-ignore
  const [rule] = rules.filter((rule) => rule.action === action)
  const hopeless = Object.values(failures).flatMap(({ exit, retry }) => (retry ? [] : [exit]))
  expect(rule!.onExitCodes).toEqual({
    containerName: job!.spec.template!.spec.containers[0]!.name,
    operator: 'In',
    values: hopeless.sort((a, b) => a - b),
  })
  // The API refuses a policy with anything else.
  expect(job!.spec.template!.spec.restartPolicy).toBe('Never')
})

test('the shards of a fleet are as many as the indexes of its Job, and each is tried again by itself', () => {
  const [job] = documentsOf(join(kubernetes, 'fleet/job.yaml'))
  const { spec } = job!
  expect(spec['completionMode']).toBe('Indexed')
  expect(spec['backoffLimitPerIndex']).toBeGreaterThan(0)
  // The API refuses both at once.
  expect(spec['backoffLimit']).toBeUndefined()
  const env = spec.template!.spec.containers[0]!.env as readonly { readonly name: string; readonly value?: string }[]
  const valueOf = (name: string) => env.find((one) => one.name === name)?.value
  expect(valueOf('UPFRONT_FLEET_SHARDS')).toBe(String(spec['completions']))
  // Else it would beat the index that Kubernetes gives.
  expect(valueOf('UPFRONT_FLEET_SHARD')).toBeUndefined()
  expect(Number(valueOf('UPFRONT_FLEET_CONNECTIONS'))).toBeGreaterThanOrEqual(Number(spec['parallelism']))
})

test('every pod is allowed under "restricted", on a read-only root, and has its resources', () => {
  for (const { file, manifest } of manifests) {
    const pod = podOf(manifest)
    if (!pod) continue
    expect(pod.securityContext, file).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      expect(container.securityContext, `${file} ${container.name}`).toEqual({
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      })
      expect(container.resources, `${file} ${container.name}`).toMatchObject({
        requests: { cpu: expect.anything(), memory: expect.anything() },
        limits: { memory: expect.anything() },
      })
    }
  }
})

test('no secret is in an environment, and the settings named exist', () => {
  for (const { file, manifest } of manifests) {
    const pod = podOf(manifest)
    const ours = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])].filter(({ name }) =>
      /migrate|wait|verify|hold|contract/.test(name),
    )
    for (const { env = [] } of ours) {
      const names = env.map(({ name }) => name)
      expect(names, file).toContain('DATABASE_URL_FILE')
      for (const name of names) if (name.startsWith('UPFRONT_')) expect(Object.keys(settings)).toContain(name)
    }
  }
})

test('a proxy stands before us, as a native sidecar', () => {
  const [deployment] = documentsOf(join(kubernetes, 'proxy.yaml'))
  const [proxy, migrate] = deployment!.spec.template!.spec.initContainers!
  expect(proxy).toMatchObject({ name: 'proxy', restartPolicy: 'Always' })
  expect(migrate).toMatchObject({ name: 'migrate' })
  expect(migrate!.restartPolicy).toBeUndefined()
})

test('a lease is held before the application starts: a sidecar behind the migrations, with a probe for its file', () => {
  const [deployment] = documentsOf(join(kubernetes, 'rollout/deployment.yaml'))
  const [migrate, hold, ...more] = deployment!.spec.template!.spec.initContainers!
  expect(more).toEqual([])
  expect(migrate).toMatchObject({ name: 'migrate' })
  expect(migrate!.restartPolicy).toBeUndefined()
  expect(hold).toMatchObject({ name: 'hold', restartPolicy: 'Always', image: migrate!.image })
  const { flags, name } = parseArguments(hold!.args!)
  expect({ name, hold: flags['hold'] }).toEqual({ name: 'wait', hold: true })
  const file = join(work, 'held')
  // The probe as it stands there, but for where the file is.
  const [node, ...probe] = hold!.startupProbe!.exec.command.map((word) =>
    word.replace(String(flags['ready-file']), file),
  )
  expect(node).toBe('/usr/local/bin/node')
  const run = () => spawnSync(process.execPath, probe).status
  expect(run()).not.toBe(0)
  fs.writeFileSync(file, '')
  expect(run()).toBe(0)
  const waitS = Number(hold!.startupProbe!['periodSeconds']) * Number(hold!.startupProbe!['failureThreshold'])
  const wait = (hold!.env as readonly { name: string; value?: string }[]).find(({ name: one }) => one === 'UPFRONT_WAIT_TIMEOUT')!.value! // prettier-ignore
  expect(waitS * 1000).toBeGreaterThan(Number(parseDuration(wait)))
})

test('in compose the application waits for the end of Upfront, which is not started again', () => {
  const { services } = YAML.parse(fs.readFileSync(join(root, 'examples/compose/compose.yml'), 'utf8'))
  expect(services.app.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } })
  expect(services.migrate.restart).toBe('no')
  expect(services.postgres.healthcheck).toBeUndefined()
})

test('the workflow gives away no more rights than it needs, and ends', () => {
  const workflow = YAML.parse(fs.readFileSync(join(root, 'examples/ci/test.yml'), 'utf8'))
  expect(workflow.permissions).toEqual({ contents: 'read' })
  for (const job of Object.values<Record<string, unknown>>(workflow.jobs)) {
    expect(job['timeout-minutes']).toBeLessThanOrEqual(30)
  }
})
