// The sidecar of examples/kubernetes/rollout, as its manifest has it, in the order in which Kubernetes would start and end it.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { YAML } from 'zx'
import { must, root, until } from './lab.ts'
import { test } from './support.ts'

interface Sidecar {
  readonly name: string
  readonly args?: readonly string[]
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly startupProbe?: { readonly exec: { readonly command: readonly string[] } }
  readonly resources: { readonly limits: { readonly memory: string } }
}

const manifest = YAML.parse(fs.readFileSync(join(root, 'examples/kubernetes/rollout/deployment.yaml'), 'utf8'))
const containers: readonly Sidecar[] = manifest.spec.template.spec.initContainers
const migrate = containers.find(({ name }) => name === 'migrate')!
const sidecar = containers.find(({ name }) => name === 'hold')!

test('the sidecar holds when its probe says so, within its memory, and gives the lease back on SIGTERM', async ({
  lab,
  db,
}) => {
  const image = await lab.image('template')
  const secrets = lab.folder({ url: db.url })
  const envOf = ({ env }: Sidecar) => Object.fromEntries(env.map(({ name, value }) => [name, value]))
  const flags = ['--volume', `${secrets}:/run/secrets/database:ro`, '--read-only', '--cap-drop', 'ALL']
  // An emptyDir belongs to root and may be written by everybody.
  const memory = ['--tmpfs', '/run/held:mode=0777,size=1m', '--memory', sidecar.resources.limits.memory.replace('Mi', 'm')] // prettier-ignore
  const held = await lab.start(image, sidecar.args, { env: envOf(sidecar), flags: [...flags, ...memory] })
  const probe = () => lab.docker('exec', held.id, ...sidecar.startupProbe!.exec.command)
  await held.says('still pending')
  expect((await probe()).exitCode).not.toBe(0)

  const migrated = await lab.run(image, migrate.args, { env: envOf(migrate), flags })
  expect(migrated.exitCode, migrated.stderr).toBe(0)
  await until(async () => (await probe()).exitCode === 0, 'the probe found the lease')

  const living = 'select version from upfront.leases where expires_at > now()'
  expect(await db.query(living)).toEqual([envOf(sidecar)['UPFRONT_APP_VERSION']])
  await must(lab.docker('stop', held.id))
  expect(await held.ended(), await held.logs()).toBe(0)
  expect(await db.query(living)).toEqual([])
  expect(await db.query('select released_at is not null from upfront.leases')).toEqual(['t'])
})
