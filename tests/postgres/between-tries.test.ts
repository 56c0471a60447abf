// What one try, one migration or one query leaves behind, and the next must not meet.
import { describe, expect } from 'vitest'
import { test } from '../support/database.ts'

test('a try that gave way to a lock leaves no prepared statement to the next one', async ({ db }) => {
  await db.query('create table t (id int)')
  const blocker = await db.connect()
  await blocker.query('begin; lock table t')
  db.files({ '001_a.sql': 'prepare p as select 1; execute p; insert into t values (1); deallocate p' })
  const running = db.spawn([], { UPFRONT_LOCK_TIMEOUT: '300ms' })
  await running.says('retrying')
  await blocker.query('rollback')
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
  expect(await db.history()).toEqual(['migration 001_a applied'])
})

test('twenty notices of each migration are told, whatever an earlier one of the same message said', async ({ db }) => {
  const names = Array.from({ length: 30 }, (_, i) => `0${10 + i}_drop`)
  db.files(Object.fromEntries(names.map((name) => [`${name}.sql`, `drop table if exists of_${name}`])))
  const { exitCode, events } = await db.upJson()
  expect(exitCode).toBe(0)
  expect(events.filter(({ event }) => event === 'notice').map(({ name }) => name)).toEqual(names)
})

test('a file that leaves the role that a login is set to become is recorded in that role', async ({ db }) => {
  const login = await db.role('login noinherit')
  const owner = await db.role('nologin')
  await db.query(`grant ${owner.user} to ${login.user}; alter role ${login.user} set role = ${owner.user};
    grant create on database ${db.name} to ${owner.user}; grant create on schema public to ${owner.user}, ${login.user}`)
  db.files({
    '001_a.sql': 'create table a (id int)',
    '002_b.sql':
      '-- upfront:no-transaction\ncreate table b (id int);\nset role none;\ncreate table c (id int);\ncreate index concurrently on c (id);',
    '003_d.sql': 'create table d (id int)',
  })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(login) })
  expect(exitCode, stderr).toBe(0)
  const owners = await db.query(`select tablename || ' ' || (tableowner = '${owner.user}') as line from pg_tables
    where schemaname = 'public' order by 1`)
  expect(owners).toEqual(['a true', 'b true', 'c false', 'd true'].map((line) => ({ line })))
})

describe('a query that throws as it is to be sent is an error of that query, and the next one is answered', () => {
  const submits = {
    'before it has sent anything': `throw new Error('mine')`,
    'a text instead of an error': `throw 'mine'`,
    'behind a Parse': `connection.parse({ text: 'select $1::jsonb' }); throw new Error('mine')`,
    'behind a query': `connection.query('select 2'); throw new Error('mine')`,
  }
  test.for(Object.entries(submits))('%s', async ([, submit], { db }) => {
    db.files({
      '001_a.mjs': `export async function up(client, { log }) {
  const bad = (then) => ({ submit(connection) { ${submit} }, handleError: (error) => then('handled ' + error.message) })
  log(await new Promise((resolve) => client.query(bad(resolve))))
  const slow = client.query('select pg_sleep(0.1)')
  const second = new Promise((resolve) => client.query(bad(resolve)))
  await slow
  log(await second)
  const { rows } = await client.query('select 1 as one')
  if (rows[0].one !== 1) throw new Error('the answer of another query')
  await client.query('create table made (id int)')
}`,
    })
    const { exitCode, stderr } = await db.spawn([], { UPFRONT_DEADLINE: '10s' }).ended
    expect(exitCode, stderr).toBe(0)
    expect(stderr.match(/handled mine/g)).toHaveLength(2)
    expect(await db.tables()).toEqual(['public.made'])
  })
})

test('a value that cannot be sent leaves its prepared name free for the next file', async ({ db }) => {
  const ask = (value: string) => `client.query({ name: 'n', text: 'select $1::jsonb', values: [{ a: ${value} }] })`
  db.files({
    '001_a.mjs': `export async function up(client) {\n  await ${ask('1n')}.catch(() => {})\n  await client.query('select 1')\n}`,
    '002_b.mjs': `export const up = (client) => ${ask('1')}`,
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
})

test('a line \\. in a CSV file never ends its rows silently, on any server', async ({ db }) => {
  await db.query('create table u (id int primary key, t text); create table v (t text primary key)')
  db.files({ '001_a.sql': 'select 1' })
  db.seeds({ '010_u.csv': 'id,t\n1,"x\n\\.\ny"\n2,b\n', '020_u.csv': 'id,t\n3,a\n\\.\n4,b\n' })
  const { exitCode, stderr } = await db.up([], { UPFRONT_SEED: 'test' })
  expect(exitCode, stderr).toBe(26)
  expect(stderr).toContain('020_u.csv:3')
  expect(await db.query('select id from u order by id')).toEqual([{ id: 1 }, { id: 2 }])
})

test('a time-out of the role does not end a migration that comes after one that runs a trigger', async ({ db }) => {
  const [server] = await db.query<{ v: number }>(`select current_setting('server_version_num')::int as v`)
  if (server!.v < 170_000) return
  const owner = await db.role()
  await db.query(`alter role ${owner.user} set transaction_timeout = '700ms'; grant create on schema public to ${owner.user};
    grant create on database ${db.name} to ${owner.user}; create table t (id int); grant all on t to ${owner.user};
    create function wait() returns trigger language plpgsql as $$ begin perform pg_sleep(new.id); return new; end $$;
    create trigger wait before insert on t for each row execute function wait()`)
  db.files({
    '001_a.sql': 'insert into t values (0)',
    '002_b.sql': 'insert into t values (2)',
    '003_c.sql': 'create table c (id int)',
  })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(owner) })
  expect(exitCode, stderr).toBe(0)
  expect(stderr).not.toContain('disconnected')
})

test('a connection that a module has kept sends nothing into the next file, also when nothing was in flight', async ({
  db,
}) => {
  await db.query('create table t (id int)')
  db.files({
    '001_a.mjs': `export async function up(client) {
  let kept
  await new Promise((done) => client.query({
    submit(connection) { (kept = connection).query('select 1') },
    handleRowDescription() {}, handleDataRow() {}, handleCommandComplete() {}, handleError() {}, handleReadyForQuery: done,
  }))
  setTimeout(() => kept.query('insert into t values (1)'), 200)
}`,
    '002_b.sql': 'select pg_sleep(0.6)',
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select id from t')).toEqual([])
})
