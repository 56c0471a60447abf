// A fleet is migrated by the ledger: what is done is left alone, and what fails stops no other.
import { expect, inject } from 'vitest'
import { type Database, test } from '../support/database.ts'

const files = { '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' }
const fleet = { UPFRONT_FLEET_SCHEMAS: 'tenant_*' }

async function makeTenants(db: Database, count: number) {
  await db.query(
    Array.from({ length: count }, (_, i) => `create schema tenant_${String(i).padStart(4, '0')};`).join('\n'),
  )
}

const states = (db: Database) =>
  db.query<{ state: string; count: number }>(
    `select state, count(*)::int as count from upfront.fleet group by 1 order by 1`,
  )

test('migrates every schema, and does nothing the second time', async ({ db }) => {
  await makeTenants(db, 12)
  db.files(files)
  const first = await db.run(['fleet', 'up'], fleet)
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.stdout).toContain('12 done, 0 with nothing to do, 0 failed, 0 not tried')
  expect((await db.tables()).filter((name) => name.endsWith('.b')).length).toBe(12)
  expect(await states(db)).toEqual([{ state: 'done', count: 12 }])
  const again = await db.run(['fleet', 'up'], fleet)
  expect(again.stdout).toContain('0 done, 12 with nothing to do')
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('groups what failed by identical error, and a rerun touches only what is not done', async ({ db }) => {
  await makeTenants(db, 10)
  await db.query(`create table tenant_0003.a (id int); create table tenant_0007.a (id int);
    create view tenant_0005.b as select 1 as id; create table tenant_0005.upfront_history (id int)`)
  db.files(files)
  const first = await db.run(['fleet', 'up', '--parallel', '3'], fleet)
  expect(first.exitCode, first.stderr).toBe(35)
  expect(first.stderr).toContain('2 × MISMATCH')
  expect(first.stderr).toContain('tenant_0003, tenant_0007')
  expect(first.stderr).toContain('with its database (UPFRONT_DATABASE_URL), or its schema (UPFRONT_TENANT)')
  expect(await states(db)).toEqual([
    { state: 'done', count: 7 },
    { state: 'failed', count: 3 },
  ])
  await db.query('drop table tenant_0003.a, tenant_0007.a, tenant_0005.upfront_history; drop view tenant_0005.b')
  const second = await db.run(['fleet', 'up'], fleet)
  expect(second.exitCode, second.stderr).toBe(0)
  expect(second.stdout).toContain('3 done, 7 with nothing to do')
})

test('shards part the fleet, and each tenant belongs to one of them', async ({ db }) => {
  await makeTenants(db, 20)
  db.files(files)
  const shard = (index: number) =>
    db.run(['fleet', 'up', '--json'], { ...fleet, UPFRONT_FLEET_SHARDS: '3', JOB_COMPLETION_INDEX: String(index) })
  const runs = await Promise.all([0, 1, 2].map(shard))
  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
  const done = runs.map(({ stdout }) => (JSON.parse(stdout) as { done: number }).done)
  expect(done.reduce((a, b) => a + b)).toBe(20)
  expect(await states(db)).toEqual([{ state: 'done', count: 20 }])
})

test('canaries come first, and when one fails nobody else is tried', async ({ db }) => {
  await makeTenants(db, 6)
  await db.query('create table tenant_0004.a (id int)')
  db.files(files)
  const stopped = await db.run(['fleet', 'up', '--canary', 'tenant_0004'], fleet)
  expect(stopped.exitCode).toBe(35)
  expect(stopped.stdout).toContain('0 done, 0 with nothing to do, 1 failed, 5 not tried')
  expect(stopped.stderr).toContain('5 not tried, because of --canary tenant_0004')
  const most = await db.run(['fleet', 'up', '--max-failed', '0', '--parallel', '1'], fleet)
  expect(most.stdout).toContain('4 done, 0 with nothing to do, 1 failed, 1 not tried')
  const one = await db.run(['fleet', 'up', '--only', 'tenant_0005'], fleet)
  expect(one.exitCode, one.stderr).toBe(0)
})

test('a canary that nobody is called is refused, and one that is done or of another shard is none', async ({ db }) => {
  await makeTenants(db, 6)
  db.files(files)
  const slip = await db.run(['fleet', 'up', '--canary', 'tenant_0001,tenant_1'], fleet)
  expect(slip.exitCode).toBe(2)
  expect(slip.stderr).toContain('no group called "tenant_1"')
  const [ledger] = await db.query(`select to_regclass('upfront.fleet') is null as none`)
  expect(ledger).toEqual({ none: true })
  const other = await db.run(['fleet', 'up', '--only', 'tenant_0002', '--canary', 'tenant_0001'], fleet)
  expect(other.exitCode).toBe(2)
  expect(other.stderr).toContain('among those of --only there is no tenant and no group called "tenant_0001"')
  for (const shard of ['0', '1']) {
    const env = { ...fleet, UPFRONT_FLEET_SHARDS: '2', UPFRONT_FLEET_SHARD: shard }
    const one = await db.run(['fleet', 'up', '--canary', 'tenant_0001'], env)
    expect(one.exitCode, one.stderr).toBe(0)
  }
  const again = await db.run(['fleet', 'up', '--canary', 'tenant_0001'], fleet)
  expect(again.stdout).toContain('0 done, 6 with nothing to do')
})

test('databases come from a query by their names, or from a file', async ({ db }) => {
  const names = [`${db.name}_t1`, `${db.name}_t2`]
  for (const name of names) await db.query(`create database ${name}`)
  await db.query(`create table tenants (database text, "group" text); insert into tenants values
    ${names.map((name) => `('${name}', 'all')`).join(', ')}`)
  db.files(files)
  try {
    const first = await db.run(['fleet', 'up', '--only', 'all'], {
      UPFRONT_FLEET_QUERY: 'select database, "group" from tenants order by 1',
    })
    expect(first.exitCode, first.stderr).toBe(0)
    expect(first.stdout).toContain('2 done')
    const none = await db.run(['fleet', 'up'], { UPFRONT_FLEET_QUERY: 'select database from tenants where false' })
    expect(none.exitCode).toBe(2)
    expect((await db.run(['fleet', 'up'])).exitCode).toBe(2)
  } finally {
    for (const name of names) await db.query(`drop database ${name} with (force)`)
  }
})

test('tenants with a role each are grouped by identical error as any other', async ({ db }) => {
  const url = (at: number) => db.urlOf({ user: `owner_${at}`, password: 'no', database: `${db.name}_${at}` })
  db.files(files)
  const up = await db.run(['fleet', 'up'], {
    UPFRONT_FLEET_QUERY: `select v as url from (values ('${url(1)}'), ('${url(2)}'), ('${url(3)}')) v (v)`,
  })
  expect(up.exitCode, up.stderr).toBe(35)
  expect(up.stderr.match(/\d+ × /g)).toEqual(['3 × '])
})

test('a schema that is dropped meanwhile is refused, and nothing of it is made in public', async ({ db }) => {
  await makeTenants(db, 5)
  db.files({
    '001_drop.sql': `do $$ begin
      if current_schema() = 'tenant_0000' then drop schema tenant_0003; alter schema tenant_0004 rename to other; end if;
    end $$`,
    '002_a.sql': 'create table a (id int)',
  })
  const { exitCode, stdout, stderr } = await db.run(['fleet', 'up', '--parallel', '1'], fleet)
  expect(exitCode, stderr).toBe(35)
  expect(stdout).toContain('3 done, 0 with nothing to do, 2 failed')
  // One error for both: only the names differ.
  expect(stderr).toMatch(/2 .*MISMATCH/)
  expect((await db.tables()).filter((name) => name.startsWith('public.'))).toEqual([])
  const again = await db.run(['fleet', 'up'], fleet)
  expect(again.exitCode, again.stderr).toBe(0)
})

test('a server that has no more connections for the role fails no tenant', async ({ db }) => {
  const us = await db.role('login connection limit 4')
  await makeTenants(db, 12)
  await db.query(`grant create on database ${db.name} to ${us.user}`)
  for (let i = 0; i < 12; i += 1)
    await db.query(`grant usage, create on schema tenant_${String(i).padStart(4, '0')} to ${us.user}`)
  db.files(files)
  const env = { ...fleet, UPFRONT_DATABASE_URL: db.urlOf(us), UPFRONT_FLEET_CONNECTIONS: '40' }
  const { exitCode, stdout, stderr } = await db.run(['fleet', 'up', '--parallel', '8'], env)
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toContain('12 done')
})

test('tenants whose contract migrations are left are looked at again by who may apply them, and by nobody else', async ({
  db,
}) => {
  await makeTenants(db, 3)
  db.files(files)
  await db.run(['fleet', 'up'], fleet)
  db.files({ ...files, '003_c.sql': '-- upfront:contract\ndrop table a' })
  const left = await db.run(['fleet', 'up'], fleet)
  expect(left.exitCode, left.stderr).toBe(0)
  expect(left.stderr).toMatch(
    /tenant_000\d: 003_c deferred until nothing older is left: UPFRONT_CONTRACT=when-safe has/,
  )
  expect(left.stderr).toContain('of 2 more: 003_c deferred')
  const safe = await db.run(['fleet', 'up'], { ...fleet, UPFRONT_CONTRACT: 'when-safe' })
  expect(safe.stdout, safe.stderr).toContain('3 with nothing to do')
  expect(safe.stderr).toMatch(/of 2 more: 003_c deferred until nothing older is left: nobody has ever held a lease/)
  expect(await db.query('select count(*)::int as left from upfront.fleet where deferred')).toEqual([{ left: 3 }])
  expect((await db.run(['fleet', 'up'], fleet)).stdout).toContain('3 with nothing to do')
  expect((await db.run(['fleet', 'status', '--exit-code'], fleet)).exitCode).toBe(0)

  const always = { ...fleet, UPFRONT_CONTRACT: 'always' }
  expect((await db.run(['fleet', 'status', '--exit-code'], always)).exitCode).toBe(34)
  const contracted = await db.run(['fleet', 'up'], always)
  expect(contracted.stdout, contracted.stderr).toContain('3 done, 0 with nothing to do')
  expect((await db.tables()).filter((name) => name.endsWith('.a'))).toEqual([])
  expect((await db.run(['fleet', 'up'], always)).stdout).toContain('0 done, 3 with nothing to do')
})

test('an older image that finds contract migrations left under a newer one does not call its tenants contracted', async ({
  db,
}) => {
  await makeTenants(db, 2)
  db.files(files)
  await db.run(['fleet', 'up'], fleet)
  const older = { ...files, '003_c.sql': '-- upfront:contract\ndrop table a' }
  db.files({ ...older, '004_d.sql': 'create table d (id int)' })
  await db.run(['fleet', 'up'], fleet)
  db.files(older)
  const back = await db.run(['fleet', 'up'], fleet)
  expect(back.stdout, back.stderr).toContain('0 done, 2 with nothing to do')
  expect(await db.query('select count(*)::int as left from upfront.fleet where deferred')).toEqual([{ left: 2 }])
  const always = { ...fleet, UPFRONT_CONTRACT: 'always' }
  expect((await db.run(['fleet', 'status', '--exit-code'], always)).exitCode).toBe(34)
})

test('a schema that was made anew, or has taken the name of another, is not done by the ledger', async ({ db }) => {
  await makeTenants(db, 3)
  db.files(files)
  expect((await db.run(['fleet', 'up'], fleet)).exitCode).toBe(0)
  await db.query(`drop schema tenant_0000 cascade; create schema tenant_0000;
    alter schema tenant_0001 rename to tenant_old; create schema tenant_0001`)
  expect((await db.run(['fleet', 'status'], fleet)).stdout).toContain('4 tenants: 1 done, 0 failed, 0 running, 0 behind, 3 new') // prettier-ignore
  const again = await db.run(['fleet', 'up'], fleet)
  expect(again.stdout).toContain('2 done, 2 with nothing to do')
  expect((await db.tables()).filter((name) => name.endsWith('.b')).length).toBe(4)
})

test('what is no tenant is none by any pattern, and a schema that no search_path can name fails alone', async ({
  db,
}) => {
  await db.query(`create schema "T,1"; create schema "$user"; create schema ext; create schema "T%";
    alter extension plpgsql add schema ext; create table public.mine (id int)`)
  db.files(files)
  const up = await db.run(['fleet', 'up'], { UPFRONT_FLEET_SCHEMAS: '*' })
  expect(up.exitCode, up.stderr).toBe(35)
  expect(up.stdout).toContain('2 done, 0 with nothing to do, 1 failed, 0 not tried')
  expect(up.stderr).toContain('no search_path leads to the schema "$user"')
  expect((await db.tables()).filter((name) => /[.][ab]$/.test(name))).toEqual(['T%.a', 'T%.b', 'T,1.a', 'T,1.b'])
  for (const pattern of ['tenant_*,', ',', 'a,,b']) {
    const { exitCode, stderr } = await db.run(['fleet', 'up'], { UPFRONT_FLEET_SCHEMAS: pattern })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('UPFRONT_FLEET_SCHEMAS')
  }
  expect((await db.up([], { UPFRONT_TENANT: '$user' })).exitCode).toBe(2)
})

test('drift is told, and what is the same for many tenants once, with their number', async ({ db }) => {
  await makeTenants(db, 7)
  await db.query(Array.from({ length: 7 }, (_, i) => `create table tenant_000${i}.mine (id int);`).join('\n'))
  db.files({ '001_a.sql': `do $$ begin raise warning 'old words'; end $$; create table a (id int)` })
  const shadow = { UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') }
  expect((await db.run(['compile', '--schema', '--out', 'bundle'], shadow)).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['fleet', 'up'], {
    ...fleet,
    UPFRONT_MIGRATIONS_DIR: `${db.dir}/bundle/migrations`,
  })
  expect(exitCode, stderr).toBe(0)
  expect(stderr.match(/tenant_000\d: the live schema is not what the migrations make: unexpected table/g)?.length).toBe(1) // prettier-ignore
  expect(stderr).toMatch(/of 6 more: the live schema is not what/)
})

test('what all tenants share is made by the first of those that make it at once', async ({ db }) => {
  await makeTenants(db, 8)
  db.files({
    '001_a.sql': 'create extension if not exists citext schema public;\ncreate table a (id int, name citext)',
    '002_b.sql': 'create or replace function public.twice(n int) returns int language sql as $$select n * 2$$',
  })
  const { exitCode, stdout, stderr } = await db.run(['fleet', 'up', '--parallel', '8'], fleet)
  expect(exitCode, stderr).toBe(0)
  expect(stdout).toContain('8 done')
})
