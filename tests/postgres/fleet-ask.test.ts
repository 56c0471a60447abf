// What is asked of a fleet: who is behind, what would be run, whether the schemas are right; and what is said meanwhile.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { type Database, test } from '../support/database.ts'

const files = { '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' }
const fleet = { UPFRONT_FLEET_SCHEMAS: 'tenant_*' }
const data = <Answer>(stdout: string) => JSON.parse(stdout) as Answer

async function makeTenants(db: Database, count: number) {
  for (let i = 0; i < count; i += 1) await db.query(`create schema tenant_${i}`)
}

interface Status {
  readonly tenants: number
  readonly done: number
  readonly failed: number
  readonly behind: number
  readonly new: number
  readonly not_done: readonly { readonly name: string; readonly state: string; readonly error: string | null }[]
}

test('status tells from the ledger who is done, failed, behind and new, and opens no connection to a tenant', async ({
  db,
}) => {
  const names = Array.from({ length: 5 }, (_, i) => `${db.name}_s${i}`)
  for (const name of names) await db.query(`create database ${name}`)
  await db.query(`create table tenants (n int, database text);
    insert into tenants values ${names.map((name, i) => `(${i}, '${name}')`).join(', ')}`)
  const all = { UPFRONT_FLEET_QUERY: 'select database from tenants order by n' }
  try {
    db.files(files)
    const before = data<Status>((await db.run(['fleet', 'status', '--json'], all)).stdout)
    expect(before).toMatchObject({ tenants: 5, done: 0, new: 5 })
    for (const name of names.slice(1, 3)) {
      const tenant = await db.connect(db.urlOf({ database: name }))
      await tenant.query('create table b ()')
      await tenant.end()
    }
    const up = await db.run(['fleet', 'up', '--only', names.slice(0, 4).join(',')], all)
    expect(up.exitCode).toBe(35)
    // Who cannot be reached is no matter to the ledger.
    await db.query(`alter database ${names[0]} with allow_connections false`)
    const asked = await db.run(['fleet', 'status', '--json', '--exit-code'], all)
    expect(asked.exitCode, asked.stderr).toBe(34)
    expect(data<Status>(asked.stdout)).toMatchObject({ tenants: 5, done: 2, failed: 2, behind: 0, new: 1 })
    const failed = data<Status>(asked.stdout).not_done.filter(({ state }) => state === 'failed')
    expect(failed.map(({ name }) => name)).toEqual(names.slice(1, 3))
    expect(failed[0]!.error).toContain('exists already')
    const text = await db.run(['fleet', 'status'], all)
    expect(text.exitCode).toBe(0)
    expect(text.stdout).toMatch(new RegExp(`^failed +2 +${names[1]}, ${names[2]} +\\w+ .*exists already`, 'm'))
    expect(text.stdout).toContain('5 tenants: 2 done, 2 failed, 0 running, 0 behind, 1 new')
    db.files({ ...files, '003_c.sql': 'create table c (id int)' })
    const next = data<Status>((await db.run(['fleet', 'status', '--json'], all)).stdout)
    expect(next).toMatchObject({ done: 0, failed: 0, behind: 4, new: 1 })
    const only = await db.run(['fleet', 'status', '--only', names[4]!], all)
    expect(only.stdout).toContain('1 tenants: 0 done')
    expect((await db.run(['fleet', 'status', '--only', 'nobody'], all)).exitCode).toBe(2)
  } finally {
    for (const name of names) await db.query(`drop database ${name} with (force)`)
  }
})

test('plan gives the SQL once for all tenants that it is the same for, and changes nothing', async ({ db }) => {
  await makeTenants(db, 6)
  db.files({ '001_a.sql': files['001_a.sql'] })
  expect((await db.run(['fleet', 'up', '--only', 'tenant_0,tenant_1'], fleet)).exitCode).toBe(0)
  db.files(files)
  const asked = await db.run(['fleet', 'plan'], fleet)
  expect(asked.exitCode, asked.stderr).toBe(0)
  expect(asked.stdout).toContain('-- 0 of 6 tenants are done')
  expect(asked.stdout).toContain('-- 4 × tenant_2, tenant_3, tenant_4, tenant_5\n-- migration 001_a')
  expect(asked.stdout).toContain('-- 2 × tenant_0, tenant_1\n-- migration 002_b')
  interface Planned {
    readonly plans: readonly { count: number; plan: { pending: readonly { name: string }[] } }[]
  }
  const { plans } = data<Planned>((await db.run(['fleet', 'plan', '--json'], fleet)).stdout)
  expect(plans.map(({ count, plan }) => [count, plan.pending.length])).toEqual([
    [4, 2],
    [2, 1],
  ])
  expect((await db.tables()).filter((name) => name.endsWith('.b'))).toEqual([])
})

test('a name with a line feed does not end the comment of a plan', async ({ db }) => {
  await db.query('create schema "tenant_\ndrop table x; --"')
  db.files({ '001_a.sql': files['001_a.sql'] })
  const { stdout } = await db.run(['fleet', 'plan'], fleet)
  expect(stdout).toContain('-- 1 × tenant_\\ndrop table x; --')
  expect(stdout).not.toMatch(/^drop/m)
})

test('wait ends when the last tenant is done, and with 34 when that is not in time', async ({ db }) => {
  await makeTenants(db, 3)
  db.files(files)
  const late = await db.run(['fleet', 'wait'], { ...fleet, UPFRONT_WAIT_TIMEOUT: '500ms' })
  expect(late.exitCode, late.stderr).toBe(34)
  expect(late.stderr).toContain('3 of 3 tenants do not have this bundle')
  const waiting = db.run(['fleet', 'wait'], { ...fleet, UPFRONT_WAIT_TIMEOUT: '30s' })
  expect((await db.run(['fleet', 'up', '--only', 'tenant_0,tenant_1'], fleet)).exitCode).toBe(0)
  const one = await db.run(['fleet', 'wait', '--only', 'tenant_1'], fleet)
  expect(one.exitCode, one.stderr).toBe(0)
  expect((await db.run(['fleet', 'up'], fleet)).exitCode).toBe(0)
  const waited = await waiting
  expect(waited.exitCode, waited.stderr).toBe(0)
})

test('wait does not wait for contract migrations, which come when the version before is gone', async ({ db }) => {
  await makeTenants(db, 2)
  db.files(files)
  const env = { ...fleet, UPFRONT_CONTRACT: 'when-safe', UPFRONT_WAIT_TIMEOUT: '500ms' }
  await db.run(['fleet', 'up'], env)
  db.files({ ...files, '003_c.sql': '-- upfront:contract\ndrop table a' })
  expect((await db.run(['fleet', 'wait'], env)).exitCode).toBe(34)
  expect((await db.run(['fleet', 'up'], env)).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['fleet', 'wait'], env)
  expect(exitCode, stderr).toBe(0)
  expect((await db.run(['fleet', 'status', '--exit-code'], env)).exitCode).toBe(34)
})

test('verify holds every tenant against the same schema, and groups what differs alike', async ({ db }) => {
  await makeTenants(db, 5)
  db.files(files)
  const shadow = { ...fleet, UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') }
  expect((await db.run(['fleet', 'up'], fleet)).exitCode).toBe(0)
  const right = await db.run(['fleet', 'verify'], shadow)
  expect(right.exitCode, right.stderr).toBe(0)
  expect(right.stdout).toContain('5 of 5 tenants are as the migrations make them')
  await db.query('drop table tenant_1.b; drop table tenant_3.b; alter table tenant_4.a add column by_hand int')
  const wrong = await db.run(['fleet', 'verify'], shadow)
  expect(wrong.exitCode).toBe(35)
  expect(wrong.stderr).toMatch(/2 × DRIFT .*\(tenant_1, tenant_3\)/)
  expect(wrong.stderr).toMatch(/1 × DRIFT .*\(tenant_4\)/)
  expect(wrong.stderr).toContain('by_hand')
})

test('with a ledger elsewhere no central database is needed, and a file names the tenants', async ({ db }) => {
  const names = [`${db.name}_ä b`, `${db.name}_x`]
  for (const name of names) await db.query(`create database "${name}"`)
  const { user, password } = await db.role('login superuser')
  const urls = names.map((database) => db.urlOf({ user, password, database }))
  writeFileSync(join(db.dir, 'fleet.txt'), `# ours\n${urls.join('\n')}\n\n`)
  db.files(files)
  const env = {
    UPFRONT_DATABASE_URL: '',
    UPFRONT_FLEET_LEDGER_URL: db.url,
    UPFRONT_FLEET_FILE: 'fleet.txt',
    UPFRONT_LOG_FORMAT: 'json',
    UPFRONT_LOG_LEVEL: 'debug',
  }
  try {
    writeFileSync(db.env['UPFRONT_TERMINATION_LOG']!, '')
    const up = await db.run(['fleet', 'up'], env)
    expect(up.exitCode, up.stderr).toBe(0)
    const events = up.stderr.trim().split('\n').map((line) => data<Record<string, unknown>>(line)) // prettier-ignore
    expect(events.filter(({ event }) => event === 'tenant').map(({ state }) => state)).toEqual(['done', 'done'])
    expect(events.find(({ event }) => event === 'fleet')).toMatchObject({ done: 2, failed: 0 })
    expect(readFileSync(db.env['UPFRONT_TERMINATION_LOG']!, 'utf8')).toContain('2 done, 0 with nothing to do')
    const rows = await db.query<{ target: string }>('select * from upfront.fleet')
    expect(rows.length).toBe(2)
    expect(JSON.stringify(rows) + up.stderr + up.stdout).not.toContain(password)
    const again = await db.run(['fleet', 'up', '--json'], env)
    expect(data(again.stdout)).toMatchObject({ nothing_to_do: 2, done: 0 })
  } finally {
    for (const name of names) await db.query(`drop database "${name}" with (force)`)
  }
})

test('a tenant that is gone or denied fails alone, and many errors fit the termination message', async ({ db }) => {
  await makeTenants(db, 4)
  const long = 'x'.repeat(900)
  db.files({ '001_a.sql': `do $$ begin raise exception 'no room in %, ${long}', current_schema(); end $$` })
  writeFileSync(db.env['UPFRONT_TERMINATION_LOG']!, '')
  const up = await db.run(['fleet', 'up'], fleet)
  expect(up.exitCode).toBe(35)
  expect(up.stderr.match(/\d+ × /g)).toEqual(['4 × '])
  expect(up.stderr).toContain('tenant_0, tenant_1, tenant_2, tenant_3')
  const words = readFileSync(db.env['UPFRONT_TERMINATION_LOG']!)
  expect(words.length).toBeLessThanOrEqual(1024)
  expect(words.toString()).toContain('0 done, 0 with nothing to do, 4 failed, 0 not tried')
  const none = await db.run(['fleet', 'up'], {
    UPFRONT_FLEET_QUERY: `select v as database from (values ('${db.name}_gone'), ('${db.name}')) v (v)`,
  })
  expect(none.exitCode, none.stderr).toBe(35)
  expect(none.stderr).toMatch(/1 × DENIED/)
})

test('what a command of a fleet does not take is refused before anything is asked', async ({ db }) => {
  for (const args of [
    ['fleet', 'down'],
    ['fleet', 'status', '--canary', '1'],
    ['fleet', 'up', '--parallel', '0'],
    ['fleet', 'up', '--exit-code'],
  ])
    expect((await db.run(args, { ...fleet, UPFRONT_DATABASE_URL: 'postgres://127.0.0.1:1/none' })).exitCode).toBe(2)
  for (const what of ['up', 'status', 'wait'])
    expect((await db.run(['fleet', what], { ...fleet, UPFRONT_TENANT: 'tenant_1' })).stderr).toContain(
      `fleet ${what} --only`,
    )
  const unnamed = await db.run(['fleet', 'status'], { ...fleet, UPFRONT_DATABASE_URL: '' })
  expect(unnamed.exitCode).toBe(2)
  expect(unnamed.stderr).toContain('UPFRONT_FLEET_LEDGER_URL')
})
