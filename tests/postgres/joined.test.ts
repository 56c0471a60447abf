// Migrations that share a message must be indistinguishable from those that run one by one.
import { expect } from 'vitest'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { test, until, withDatabase } from '../support/database.ts'
import { type Fate, startProxy } from '../support/proxy.ts'

const leaky = `create function leak() returns trigger language plpgsql as $$ begin
  perform set_config('search_path', 'elsewhere', false);
  perform set_config('app.left', 'behind', false);
  create temp table if not exists shadow (id int);
  return new; end $$`

test('what a trigger sets in the session is gone before the next file', async ({ db }) => {
  await db.query(`create schema elsewhere; create table t (id int); create table shadow (id int);
    ${leaky}; create trigger leak before insert on t for each row execute function leak()`)
  db.files({
    '001_a.sql': 'insert into t values (1)',
    '002_b.sql': 'create table b (id int)',
    '003_c.sql': `create table c as select current_setting('app.left', true) as left_behind`,
    '004_d.sql': 'insert into shadow values (4)',
    '005_e.sql': 'insert into t values (5)',
    '006_f.sql': `create table f as select 1 as id; set lock_timeout = 1`,
    '007_g.sql': 'create table g (id int)',
  })
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toHaveLength(7)
  expect(await db.tables()).toEqual(['b', 'c', 'f', 'g', 'shadow', 't'].map((name) => `public.${name}`))
  expect((await db.query<{ left_behind: string | null }>('select * from c'))[0]!.left_behind || null).toBeNull()
  expect(await db.query('select id from shadow')).toEqual([{ id: 4 }])
})

test('so is what an event trigger sets', async ({ db }) => {
  await db.query(`create schema elsewhere; create function leak() returns event_trigger language plpgsql as
    $$ begin perform set_config('search_path', 'elsewhere', false); end $$;
    create event trigger ${db.name} on ddl_command_end execute function leak()`)
  db.files({ '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
})

test('so is one that a migration of the same run makes', async ({ db }) => {
  db.files({
    '001_a.sql': `create schema elsewhere; create function leak() returns event_trigger language plpgsql as
    $$ begin perform set_config('search_path', 'elsewhere', false); end $$;
    create event trigger ${db.name} on ddl_command_end execute function leak()`,
    '002_b.sql': 'create table b (id int)',
    '003_c.sql': 'create table c (id int)',
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.b', 'public.c'])
})

test('currval knows nothing of what another file has drawn', async ({ db }) => {
  await db.query('create sequence s; create table t (id bigint)')
  db.files({
    '001_a.sql': `insert into t values (nextval('s'))`,
    '002_b.sql': `insert into t values (nextval('s'))`,
    '003_c.sql': `insert into t select currval('s')`,
    '004_d.sql': 'insert into t values (4)',
  })
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(22)
  expect(stderr).toContain('is not yet defined in this session')
  expect(applied).toEqual(['001_a', '002_b'])
})

test('applied is told only when it is on disk, whatever the writer of the log does', async () => {
  const server = await startPostgres({ settings: { wal_writer_delay: '10s', checkpoint_timeout: '1h', fsync: 'on' } })
  try {
    await withDatabase(server.url, async (db) => {
      let letGo = () => {}
      const gate = new Promise<void>((resolve) => (letGo = resolve))
      let held = false
      await using proxy = await startProxy(server.port, async ({ text }): Promise<Fate> => {
        // The failing file by itself: what is before it in the message has been told by then.
        if (text.includes('insert into big select 1 / 0') && !text.includes('create table a')) {
          held = true
          await gate
        }
        return 'forward'
      })
      db.files({
        '001_a.sql': 'create table a (id int)',
        '002_b.sql': 'create table b (id int)',
        '003_c.sql': 'create table big (id int); insert into big select 1 / 0',
        '004_d.sql': 'create table d (id int)',
      })
      const running = db.spawn([], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
      await running.says('002_b')
      await until(() => held, 'the third is held')
      const [at] = await db.query('select pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn() as flushed')
      letGo()
      await running.ended
      expect(at).toEqual({ flushed: true })
    })
  } finally {
    await server.stop('immediate')
  }
})
