// Row-level security is a migration's own business, and never hides our history.
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

/** A role that owns its objects and is no superuser. */
async function owner(db: Database) {
  const role = await db.role()
  await db.query(`grant create on database ${db.name} to ${role.user}; grant create on schema public to ${role.user}`)
  return { role, env: { UPFRONT_DATABASE_URL: db.urlOf(role) } }
}

const forced = `create table t (id int, tenant text);
  alter table t enable row level security; alter table t force row level security;
  create policy p on t using (tenant = 'mine') with check (true)`

test('DML on a table with forced row security, by an owner who is no superuser, does what it does under psql', async ({
  db,
}) => {
  const { env } = await owner(db)
  db.files({
    '001_t.sql': forced,
    '002_joined.sql': `insert into t values (1, 'mine'), (2, 'theirs')`,
    '003_joined.sql': `update t set id = id + 10`,
    '004_alone.sql': `set work_mem = '4MB'; update t set id = id + 100`,
    '005_module.mjs': `export async function up(client) { await client.query('update t set id = id + 1000') }`,
    '006_outside.sql': `-- upfront:no-transaction\nupdate t set id = id + 10000; create index concurrently t_id on t (id);`,
    '007_outside.mjs': `export const transaction = false
export async function up(client) { await client.query('update t set id = id + 100000') }`,
    '009_down.sql': `create table u (id int)`,
    '009_down.down.sql': `update t set id = id + 1000000; drop table u`,
    '008_large.sql': `update t set id = id + 10000000;\n${`select '${'x'.repeat(1_000)}';\n`.repeat(1_200)}`,
  })
  db.seeds({ '010_t.sql': 'update t set id = id + 0' })
  const { exitCode, stderr } = await db.up(['--seed', 'development'], env)
  expect(exitCode, stderr).toBe(0)
  const rows = () => db.query('select id from t order by id')
  expect(await rows()).toEqual([{ id: 2 }, { id: 10_111_111 }])
  const down = await db.run(['down', '--yes-destroy', db.name], env)
  expect(down.exitCode, down.stderr).toBe(0)
  expect(await rows()).toEqual([{ id: 2 }, { id: 11_111_111 }])
})

test('a history that row security hides is an error, never an empty one', async ({ db }) => {
  const { env } = await owner(db)
  db.files({ '001_a.sql': 'create table a (id int)' })
  expect((await db.up([], env)).exitCode).toBe(0)
  await db.query(`alter table upfront.history enable row level security; alter table upfront.history force row level security;
    alter table upfront.runs enable row level security; alter table upfront.runs force row level security`)
  db.files({ '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' })
  for (const args of [['up'], ['status'], ['plan']]) {
    const { exitCode, stdout, stderr } = await db.run(args, env)
    expect(exitCode, stdout + stderr).not.toBe(0)
    expect(stderr).toContain('row-level security')
  }
  expect(await db.tables()).toEqual(['public.a'])
})
