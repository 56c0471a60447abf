// The Indexed Job of examples/kubernetes/fleet as pods, and the morning after a night in which some failed.
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import { type Cluster, startCluster } from './examples/cluster.ts'
import { blocksOf } from './examples/readme.ts'
import { tag } from './examples/tag.ts'
import { type Lab, must, root, until } from './lab.ts'
import { test } from './support.ts'

const tenants = 60
const migrations = 6

/** Each leaves a row without any key, so that one which ran twice is seen; the last stops where the test shuts the gate. */
const files = Object.fromEntries(
  Array.from({ length: migrations }, (_, i) => [
    `migrations/000${i + 1}_step.sql`,
    `${i === 0 ? 'create table ran (step int);\n' : ''}create table t${i} (id int);\ninsert into ran values (${i});
${i === migrations - 1 ? 'lock table public.gate in access share mode;\n' : ''}`,
  ]),
)
const name = (i: number) => `tenant_${String(i).padStart(3, '0')}`
/** All in the same shard, because a pod takes seconds and each shard that fails is tried four times. */
const spoiled = [name(17), name(21), name(41)] as const

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

test('shards as pods: killed half way, three tenants that fail, and mended', { timeout: 900_000 }, async ({ lab }) => {
  const cluster = await startCluster(join(root, 'examples/kubernetes/fleet'))
  cleanups.push(() => cluster.remove())
  cleanups.push(await tag(lab, await imageOf(lab), 'registry.example.com/my-migrations:1.4.2'))
  const [[secret, ...night], morning, again] = blocksOf('examples/kubernetes/fleet/README.md')
    .filter((block) => block.startsWith('kubectl'))
    .map((block) => block.trim().split('\n')) as [[string, ...string[]], string[], string[]]
  const each = async (lines: readonly string[]) => {
    const said: string[] = []
    for (const line of lines) said.push(await cluster.kubectl(line))
    return said.join('\n')
  }
  await each(['kubectl apply --filename ../postgres.yaml', secret])
  await makeTenants(cluster)

  const ending = each(night).catch((error: Error) => error.message)
  await until(async () => (await done(cluster)).size >= tenants / 3, 'a third is done', 300_000)
  const open = await shutGate(cluster)
  await Promise.all(cluster.podsOf('migrate-fleet').map((pod) => pod.exitCode === null && cluster.kill(pod)))
  // With the gate still shut, because pods that are tried again may be fast.
  const before = await done(cluster)
  await open()
  expect(before.size).toBeLessThan(tenants - spoiled.length)
  const ended = await ending

  expect(ended).toMatch(/^migrate-fleet has failed indexes: /)
  const pods = cluster.podsOf('migrate-fleet')
  expect(pods.map(({ exitCode }) => exitCode)).toContain(137)
  const failed = new Set(pods.filter(({ exitCode }) => exitCode === 35).map(({ index }) => index))
  expect(ended).toBe(`migrate-fleet has failed indexes: ${[...failed].toSorted((a, b) => a - b).join(',')}`)
  expect(failed.size).toBe(1)
  for (const index of failed) expect(pods.filter((pod) => pod.index === index)).toHaveLength(4)
  const night1 = await done(cluster)
  expect(night1.size).toBe(tenants - spoiled.length)
  for (const [tenant, when] of before) expect(night1.get(tenant), tenant).toBe(when)

  const status = await each(morning!)
  expect(status).toContain(`${tenants} tenants: ${tenants - spoiled.length} done, ${spoiled.length} failed, 0 running`)
  expect(status).toMatch(/failed +2 +tenant_017, tenant_021 +MISMATCH/)
  expect(status).toMatch(/failed +1 +tenant_041 +FAILED/)

  await cluster.query(`drop table ${spoiled[0]}.t3; drop table ${spoiled[1]}.t3; drop type ${spoiled[2]}.t4`)
  const mended = await each(again!)
  expect(mended).toContain('migrate-fleet is complete')
  const after = await done(cluster)
  expect(after.size).toBe(tenants)
  for (const [tenant, when] of night1) expect(after.get(tenant), tenant).toBe(when)
  const rows = Array.from({ length: tenants }, (_, i) => `select '${name(i)}' as tenant, step from ${name(i)}.ran`)
  const steps = `select tenant from (${rows.join(' union all ')}) ran group by tenant
    having count(*) <> ${migrations} or count(distinct step) <> ${migrations}`
  expect(await cluster.query(steps)).toBe('')
})

async function imageOf(lab: Lab): Promise<string> {
  const Dockerfile = `FROM ${await lab.image('upfront')}\nCOPY migrations /migrations\n`
  const built = await lab.build('fleet', lab.folder({ Dockerfile, ...files }))
  await must(built)
  return built.image
}

async function makeTenants({ query }: Cluster): Promise<void> {
  const isThere = async () => {
    try {
      return (await query('select 1')) === '1'
    } catch {
      return false
    }
  }
  await until(isThere, 'the database answered', 120_000)
  const schemas = Array.from({ length: tenants }, (_, i) => `create schema ${name(i)};`).join(' ')
  const spoil = `create table ${spoiled[0]}.t3 (id int); create table ${spoiled[1]}.t3 (id int);`
  // Not a relation, so that only running the file shows it.
  await query(`create table public.gate (); ${schemas} ${spoil} create type ${spoiled[2]}.t4 as enum ('in the way');`)
}

/** Answers when tenants stand before the gate; what it answers opens it. */
async function shutGate({ query }: Cluster): Promise<() => Promise<unknown>> {
  const holding = query(`set application_name = 'gate'; begin; lock table public.gate; select pg_sleep(120)`)
  holding.catch(() => {})
  const waiting = `select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'upfront%'`
  await until(async () => (await query(waiting)) === 't', 'tenants waited', 60_000)
  return () => query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'gate'`)
}

/** Who is done by the ledger, and when that was. */
async function done({ query }: Cluster): Promise<ReadonlyMap<string, string>> {
  if ((await query(`select to_regclass('upfront.fleet') is null`)) === 't') return new Map()
  const rows = await query(`select target, finished from upfront.fleet where state = 'done'`)
  return new Map(rows.split('\n').flatMap((row) => (row === '' ? [] : [row.split('|') as [string, string]])))
}
