// `<name>.verify.sql` beside a migration: what has to be true once it has run.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { writeMigrations } from '../../src/bundle/write.ts'
import { type Database, type Files, test, until } from '../support/database.ts'
import { interruption } from '../support/run.ts'

/** Tests of other files have locks on the same server. */
const here = '(select oid from pg_database where datname = current_database())'

const table = { '001_t.sql': 'create table t (id int, name text)' }

/** Runs a migration that makes the table `t` with this assertion beside it. */
async function assertion(db: Database, verify: string, env = {}) {
  db.files({ ...table, '001_t.verify.sql': verify })
  return db.up([], env)
}

describe('an assertion that holds', () => {
  test.for([
    ['true', `select exists (select from pg_class where relname = 't')`],
    ['nothing but other types, as sqitch asks', 'select 1 / count(*), null from pg_class'],
    ['no row', `select id > 0 from t`],
    ['what is no query', `do $$ begin assert to_regclass('t') is not null; end $$`],
    [
      'all of many, the texts f and false among them',
      `select true, 'f', 'false'; select true, true from t; values (true)`,
    ],
    ['between BEGIN and ROLLBACK, as sqitch writes it', 'begin;\nselect true;\nrollback;'],
  ] as const)('%s', async ([, sql], { db }) => {
    const { exitCode, stderr } = await assertion(db, sql)
    expect(exitCode, stderr).toBe(0)
    expect(await db.history()).toEqual(['migration 001_t applied'])
  })

  test('leaves nothing of what it has done', async ({ db }) => {
    const { exitCode, stderr } = await assertion(
      db,
      `insert into t values (1, 'a'); create table made_by_it (); set search_path = pg_catalog;
       select count(*) = 1 from public.t`,
    )
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toEqual(['public.t'])
    expect(await db.query('select * from t')).toEqual([])
  })
})

describe('an assertion that does not hold takes its migration back: 22', () => {
  test.for([
    [
      'false',
      'select true;\n  select count(*) > 0 as filled from t',
      2,
      3,
      'its statement 2 answered false in its column filled',
    ],
    ['null', 'select null::boolean', 1, 1, 'its statement 1 answered null in its column bool'],
    ['one of many columns', `select 1, 'x', true, now() is null`, 1, 1, 'answered false'],
    [
      'one of many rows',
      `select n < 3 as small from generate_series(1, 9) n`,
      1,
      1,
      'answered false in its column small, in its row 3',
    ],
    [
      'a domain over boolean',
      `create domain yes as boolean; select false::yes`,
      1,
      31,
      'its statement 2 answered false',
    ],
    ['an error', 'select true;\nselect 1 / count(*) from t', 2, 1, 'division by zero'],
    ['an error with a place', `select '🎉';\nselect '🎉', nope from t`, 2, 13, 'column "nope" does not exist'],
    ['an error that it raises', `do $$ begin raise exception 'there is no t'; end $$`, 1, 1, 'there is no t'],
    ['an error behind a false', 'select false;\nselect 1 / 0', 1, 1, 'its statement 1 answered false'],
  ] as const)('%s', async ([, sql, line, column, reason], { db }) => {
    const { exitCode, stderr } = await assertion(db, sql)
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain(`001_t.verify.sql:${line}:${column}`)
    expect(stderr).toContain('migration 001_t was rolled back, because its assertion does not hold')
    expect(stderr).toContain(reason)
    expect(stderr).toContain('Mend the migration, or the assertion')
    expect(await db.tables()).toEqual([])
    expect(await db.history()).toEqual([])
  })

  test('and what it has answered is not told with UPFRONT_LOG_DETAIL=off', async ({ db }) => {
    const sql = `select 'alice@example.org' as mail, false as ok`
    const off = await assertion(db, sql, { UPFRONT_LOG_DETAIL: 'off' })
    const [row] = await db.query<{ error: string }>('select error from upfront.runs')
    // The file is theirs, and so is its line.
    expect((off.stderr + row!.error).replaceAll(sql, '')).not.toContain('alice')
    expect(off.stderr).toContain('answered false in its column ok')
    expect((await assertion(db, sql)).stderr).toContain('mail = alice@example.org, ok = f')
  })

  test('and goes on when it is mended, as if it had never failed', async ({ db }) => {
    await assertion(db, 'select false')
    const { exitCode, stderr } = await assertion(db, 'select true')
    expect(exitCode, stderr).toBe(0)
    // It is no part of the migration's checksum: another one changes nothing of what is applied.
    expect((await assertion(db, 'select false')).stderr).toContain('up to date')
  })
})

describe('an assertion finds what the last line of its migration would', () => {
  const three = (body: string, verify: string): Files => ({ '001_t.sql': body, '001_t.verify.sql': verify })

  test('its role', async ({ db }) => {
    const { user } = await db.role('nologin')
    await db.query(`grant create on schema public to ${user}`)
    db.files(three(`set role ${user}; create table t ()`, `select current_user = '${user}'`))
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.history()).toEqual(['migration 001_t applied'])
  })

  test('its search_path', async ({ db }) => {
    db.files(three(`create schema "Ä"; set search_path = "Ä"; create table t ()`, `select count(*) = 0 from t`))
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
  })

  test('but not its encoding', async ({ db }) => {
    db.files(three(`set client_encoding = 'latin1'; create table t ()`, `select length('é') = 1`))
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
  })

  test('what its deferred constraints say', async ({ db }) => {
    db.files(
      three(
        `create table t (id int primary key, next int references t deferrable initially deferred);
         insert into t values (1, 2)`,
        'set constraints all immediate',
      ),
    )
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('001_t.verify.sql:1:1')
    expect(stderr).toContain('violates foreign key constraint')
  })

  test('a module', async ({ db }) => {
    const up = `export const up = (client) => client.query('create table t ()')`
    db.files({ '001_t.ts': up, '001_t.verify.sql': `select to_regclass('t') is null` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('001_t.verify.sql:1:1')
    db.files({ '001_t.ts': up, '001_t.verify.sql': `select to_regclass('t') is not null` })
    expect((await db.up()).exitCode).toBe(0)
  })

  test('a large file, the data of a COPY at its end', async ({ db }) => {
    const rows = Array.from({ length: 60_000 }, (_, i) => `${i}\t${'x'.repeat(20)}`).join('\n')
    const body = `create table t (id int, name text);\ncopy t from stdin;\n${rows}\n\\.\n`
    for (const [count, code] of [
      [60_001, 22],
      [60_000, 0],
    ] as const) {
      // prettier-ignore
      db.files(three(body, `select count(*) = ${count} from t`))
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(code)
    }
    expect(await db.query('select count(*)::int as n from t')).toEqual([{ n: 60_000 }])
  })

  test('a migration that has ended our transaction: that is what is said', async ({ db }) => {
    const commit = `export const up = (client) => client.query('create table t (); commit')`
    db.files({ '001_t.ts': commit, '001_t.verify.sql': 'select false' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('ended our transaction')
  })
})

describe('beside others', () => {
  test('small migrations are not joined over it, and those before a broken one stay', async ({ db }) => {
    db.files({
      '001_a.sql': 'create table a ()',
      '002_b.sql': 'create table b ()',
      '002_b.verify.sql': 'select false',
      '003_c.sql': 'create table c ()',
    })
    const { exitCode, applied } = await db.up()
    expect(exitCode).toBe(22)
    expect(applied).toEqual(['001_a'])
    expect(await db.tables()).toEqual(['public.a'])
  })

  test('redo asks it, baseline does not', async ({ db }) => {
    const down = { '001_t.down.sql': 'drop table t' }
    const env = { UPFRONT_ENV: 'development' }
    db.files({ ...table, ...down, '001_t.verify.sql': 'select false' })
    expect((await db.run(['baseline', '--to', '001_t'], env)).exitCode).toBe(0)
    await db.query('create table t ()')
    const { exitCode, stderr } = await db.run(['redo'], env)
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('001_t.verify.sql:1:1')
  })

  test('a repeatable migration has one too', async ({ db }) => {
    db.files({
      '001_t.sql': 'create table t (id int)',
      'repeatable/v.sql': 'create or replace view v as select id from t',
      'repeatable/v.verify.sql': `select to_regclass('v') is null`,
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('repeatable/v.verify.sql:1:1')
    expect(await db.history()).toEqual(['migration 001_t applied'])
  })
})

test('plan shows it', async ({ db }) => {
  db.files({ ...table, '001_t.verify.sql': 'select true' })
  const { stdout } = await db.run(['plan'])
  expect(stdout).toContain('-- and then migrations/001_t.verify.sql has to hold\nselect true\n')
  const { pending } = JSON.parse((await db.run(['plan', '--json'])).stdout)
  expect(pending).toMatchObject([{ assertion: { file: 'migrations/001_t.verify.sql', sql: 'select true' } }])
})

describe('outside a transaction', () => {
  const outside = {
    '001_t.sql': '-- upfront:no-transaction\ncreate table t (id int);\ncreate index concurrently t_id on t (id);',
  }

  test('it is asked after the last statement, and what has run remains: 23', async ({ db }) => {
    const verify = `insert into t values (1);\nselect indisunique from pg_index where indexrelid = 't_id'::regclass`
    db.files({ ...outside, '001_t.verify.sql': verify })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('001_t.verify.sql:2:1')
    expect(stderr).toContain('what it has done remains')
    expect(stderr).toContain('upfront repair --done 001_t')
    expect(await db.query('select * from t')).toEqual([])
    expect(await db.history()).toEqual(['migration 001_t running'])
    // Once it holds, nothing runs again.
    await db.query('drop index t_id; create unique index t_id on t (id)')
    const again = await db.up()
    expect(again.exitCode, again.stderr).toBe(0)
    expect(await db.history()).toEqual(['migration 001_t applied'])
    expect(await db.tables()).toEqual(['public.t'])
  })

  test('an error in it leaves no transaction open', async ({ db }) => {
    db.files({ ...outside, '001_t.verify.sql': 'select 1 / 0' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('division by zero')
    db.files({ ...outside, '001_t.verify.sql': 'select true', '002_b.sql': 'create table b ()' })
    expect((await db.up()).applied).toEqual(['001_t', '002_b'])
  })

  test('a module that says so', async ({ db }) => {
    const up = `export const transaction = false
      export const up = (client) => client.query('create table t ()')`
    db.files({ '001_t.ts': up, '001_t.verify.sql': `select to_regclass('t') is null` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('001_t.verify.sql:1:1')
    expect(await db.history()).toEqual(['migration 001_t running'])
    expect((await db.run(['repair', '--done', '001_t', '--reason', 'looked'])).exitCode).toBe(0)
    expect(await db.history()).toEqual(['migration 001_t applied'])
  })
})

describe('a bundle', () => {
  test('has it, and asks it as its folder does', async ({ db }) => {
    db.files({ ...table, '001_t.verify.sql': `begin;\n-- é 🎉\nselect '🎉';\nselect false as ok;\nrollback;` })
    const out = join(db.dir, 'bundle')
    await writeMigrations(db.migrationsDir, out)
    const { exitCode, stderr } = await db.up([], { UPFRONT_MIGRATIONS_DIR: out })
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('bundle/001_t.verify.sql:4:1')
    expect(stderr).toContain('its statement 2 answered false in its column ok')
  })

  test('whose assertion somebody has changed is refused', async ({ db }) => {
    db.files({ ...table, '001_t.verify.sql': 'select false' })
    const out = join(db.dir, 'bundle')
    await writeMigrations(db.migrationsDir, out)
    fs.writeFileSync(join(out, '001_t.verify.sql'), 'select true')
    const { exitCode, stderr } = await db.up([], { UPFRONT_MIGRATIONS_DIR: out })
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain('001_t.verify.sql is not the file that was compiled')
    expect(await db.tables()).toEqual([])
  })
})

describe('what is wrong with one is found before anything runs: 20', () => {
  test.for([
    ['select 1 1', 'syntax', '001_t.verify.sql:1:10'],
    ['set transaction isolation level serializable', 'transaction-control', '001_t.verify.sql:1:1'],
    ['commit', 'transaction-control', '001_t.verify.sql:1:1'],
    ['\\d t', 'meta-command', '001_t.verify.sql:1:1'],
    ['vacuum', 'alone', '001_t.verify.sql:1:1'],
    ['copy t from stdin;\n\\.\n', 'copy-data', '001_t.verify.sql:1:1'],
    ['-- upfront:no-transaction\nselect true', 'directive', '001_t.verify.sql:1:1'],
    ['select true;\n-- upfront:down\nselect true', 'directive', '001_t.verify.sql:2:1'],
    ['-- only words', 'verify', 'asserts nothing'],
  ] as const)('%j', async ([sql, rule, said], { db }) => {
    const { exitCode, stderr } = await assertion(db, sql)
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain(`docs/checks.md#${rule}`)
    expect(stderr).toContain(said)
    expect(await db.history()).toBeNull()
  })

  test.for(['001_t.VERIFY.sql', '001_t.DOWN.sql', 'repeatable/v.Verify.sql', 'repeatable/v.down.sql'])(
    'one that would run as a migration: %s',
    async (name, { db }) => {
      db.files({ ...table, 'repeatable/v.sql': 'create or replace view v as select 1 as one', [name]: 'select false' })
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(20)
      expect(stderr).toContain(`migrations/${name} would run as a migration`)
      expect(await db.history()).toBeNull()
    },
  )

  test('one without its migration', async ({ db }) => {
    db.files({ ...table, '002_b.verify.sql': 'select true', 'repeatable/v.verify.sql': 'select true' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain('002_b.verify.sql has no migration')
    expect(stderr).toContain('repeatable/v.verify.sql has no migration')
  })
})

test('in the folder of another tool it is what it is for that tool', async ({ db }) => {
  db.files({ ...table, '002_t.verify.sql': 'create table made_by_it ()' })
  const { exitCode, stderr } = await db.up([], { UPFRONT_FORMAT: 'umzug' })
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.made_by_it', 'public.t'])
})

describe("what is nobody's fault", () => {
  const asks = {
    inside: { ...table, '001_t.verify.sql': 'lock table held in exclusive mode; select true' },
    outside: {
      '001_t.sql': '-- upfront:no-transaction\ncreate table t ()',
      '001_t.verify.sql': 'lock table held in exclusive mode; select true',
    },
  }

  test.for(['inside', 'outside'] as const)("others' locks are waited for, %s a transaction", async (where, { db }) => {
    await db.query('create table held ()')
    const other = await db.connect()
    await other.query('begin; lock table held')
    db.files(asks[where])
    const running = db.up([], { UPFRONT_LOCK_TIMEOUT: '100ms', UPFRONT_LOCK_RETRY: '10s' })
    await until(
      async () => (await db.query(`select from pg_locks where not granted and database = ${here}`)).length > 0,
      'it waits',
    )
    await sleep(300)
    await other.query('rollback')
    const { exitCode, stderr } = await running
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('retrying')
    expect(await db.history()).toEqual(['migration 001_t applied'])
  })

  test.for([
    ['inside', 33, []],
    ['outside', 23, ['migration 001_t running']],
  ] as const)('and when they do not end, %s a transaction, that is %i', async ([where, code, history], { db }) => {
    await db.query('create table held ()')
    const other = await db.connect()
    await other.query('begin; lock table held')
    db.files(asks[where])
    const { exitCode, stderr } = await db.up([], { UPFRONT_LOCK_TIMEOUT: '300ms', UPFRONT_LOCK_RETRY: '400ms' })
    expect(exitCode, stderr).toBe(code)
    expect(stderr).toContain('lock timeout')
    expect(await db.history()).toEqual(history)
  })

  test.for(['inside', 'outside'] as const)(
    'a connection that is lost in it, %s a transaction',
    async (where, { db }) => {
      await db.query('create table held ()')
      const other = await db.connect()
      await other.query('begin; lock table held')
      db.files(asks[where])
      const running = db.up()
      await until(
        async () => (await db.query(`select from pg_locks where not granted and database = ${here}`)).length > 0,
        'it waits',
      )
      await db.query(`select pg_terminate_backend(pid) from pg_locks where not granted and database = ${here}`)
      await other.query('rollback')
      const { exitCode, stderr } = await running
      expect(exitCode, stderr).toBe(0)
      expect(stderr).toContain('disconnected')
      expect(await db.history()).toEqual(['migration 001_t applied'])
      expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
    },
  )

  test.for([
    ['inside', []],
    ['outside', ['migration 001_t running']],
  ] as const)('an interruption, %s a transaction', async ([where, history], { db }) => {
    await db.query('create table held ()')
    const other = await db.connect()
    await other.query('begin; lock table held')
    db.files(asks[where])
    const abort = new AbortController()
    const running = db.up([], {}, abort.signal)
    await until(
      async () => (await db.query(`select from pg_locks where not granted and database = ${here}`)).length > 0,
      'it waits',
    )
    abort.abort(interruption('SIGTERM'))
    const { exitCode, stderr } = await running
    await other.query('rollback')
    expect(exitCode, stderr).toBe(143)
    expect(await db.history()).toEqual(history)
    expect((await db.up()).exitCode).toBe(0)
    expect(await db.history()).toEqual(['migration 001_t applied'])
  })
})
