// What a statement outside a transaction leaves half done is told, and named with what mends it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'

const marker = '-- upfront:no-transaction\n'
const table = { '001_a.sql': 'create table a (id int); create index a_id on a (id); create table ledger (n int)' }

/** A transaction that has read from a table: what is done concurrently to it waits in the middle. */
async function openReader(db: Database, relation = 'a') {
  const reader = await db.connect()
  await reader.query('begin isolation level repeatable read')
  await reader.query(`select from ${relation}`)
  return { end: () => reader.query('rollback') }
}

async function isRunning(db: Database, like: string, waiting = `wait_event_type = 'Lock'`) {
  await until(async () => {
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and application_name like 'upfront/%' and query ilike '${like}' and ${waiting}`)
    return rows.length > 0
  }, `${like} waits`)
}

const ledger = async (db: Database) =>
  (await db.query<{ n: number }>('select n from ledger order by n')).map(({ n }) => n)
const states = async (db: Database) => (await db.history())?.at(-1)

/** Applies the table, begins the file behind it, and stops it when it waits for a reader. */
async function stopWithin(db: Database, sql: string, like: string, how: 'SIGTERM' | 'SIGKILL', relation = 'a') {
  const reader = await openReader(db, relation)
  db.files({ ...table, '002_b.sql': sql })
  const running = db.spawn()
  await isRunning(db, like)
  running.kill(how)
  const ended = await running.ended
  await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed', 8_000)
  await reader.end()
  return ended
}

async function applyTable(db: Database, more = 'select 1') {
  db.files(table)
  await db.up()
  await db.query(more)
}

describe('what commits inside itself', () => {
  const doing = (fails: string) =>
    `${marker}do $$ begin insert into ledger values (1); commit; ${fails}; insert into ledger values (2); end $$;`

  test('a DO that commits and then fails, first in its file, is 23, is not run again by itself, and its row stays', async ({
    db,
  }) => {
    await applyTable(db)
    db.files({ ...table, '002_b.sql': doing('perform 1 / 0') })
    for (const _ of [1, 2]) {
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(23)
      expect(stderr).toContain('stopped inside its statement 1, which commits as it goes: part of it may remain')
      expect(stderr).toContain('upfront repair --done 002_b --reason "..."')
      expect(stderr).toContain('upfront repair --not-done 002_b --reason "..."')
      expect(stderr).not.toContain('nothing of it remains')
    }
    expect(await ledger(db)).toEqual([1])
    expect(await states(db)).toBe('migration 002_b running')
    // Written so that it goes on from there.
    db.files({ ...table, '002_b.sql': `${marker}insert into ledger values (2);` })
    expect((await db.up()).exitCode).toBe(0)
    expect(await ledger(db)).toEqual([1, 2])
  })

  test('a CALL that commits and then fails is 23; one that does not commit has left nothing: 22', async ({ db }) => {
    await applyTable(
      db,
      `create procedure p(commits bool) language plpgsql as $$ begin
        insert into ledger values (1); if commits then commit; end if; perform 1 / 0; end $$`,
    )
    db.files({ ...table, '002_b.sql': `${marker}call p(false);\nselect 1;` })
    const nothing = await db.up()
    expect(nothing.exitCode, nothing.stderr).toBe(22)
    expect(nothing.stderr).toContain('nothing of it remains')
    expect(await ledger(db)).toEqual([])
    expect(await states(db)).toBe('migration 001_a applied')

    for (const sql of [`${marker}call p(true)`, `${marker}call p(true); select 1;`]) {
      db.files({ ...table, '002_b.sql': sql })
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(23)
      expect(await ledger(db)).toEqual([1])
      await db.query(`truncate ledger; delete from upfront.history where name = '002_b'`)
    }
  })

  test('a CALL that commits to its end is done, once', async ({ db }) => {
    await applyTable(
      db,
      `create procedure p() language plpgsql as $$ begin
        for i in 1..3 loop insert into ledger values (i); commit; end loop; end $$`,
    )
    db.files({ ...table, '002_b.sql': `${marker}call p();\ninsert into ledger values (4);` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await ledger(db)).toEqual([1, 2, 3, 4])
  })

  test.for(['SIGTERM', 'SIGKILL'] as const)(
    '%s within it: 23, and no start runs it again by itself',
    async (how, { db }) => {
      await applyTable(db)
      db.files({ ...table, '002_b.sql': doing('perform pg_sleep(60)') })
      const running = db.spawn()
      await isRunning(db, 'do %', `wait_event = 'PgSleep'`)
      running.kill(how)
      const { exitCode, stderr } = await running.ended
      expect(exitCode, stderr).toBe(how === 'SIGTERM' ? 23 : 137)
      if (how === 'SIGTERM') expect(stderr).toContain('part of it may remain')
      expect(stderr).not.toContain('rolled back')
      await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed', 8_000)
      const again = await db.up()
      expect(again.exitCode, again.stderr).toBe(23)
      expect(await ledger(db)).toEqual([1])
      expect((await db.run(['repair', '--done', '002_b', '--reason', 'done by hand'])).exitCode).toBe(0)
      expect((await db.up()).exitCode).toBe(0)
    },
  )
})

describe('DROP INDEX CONCURRENTLY', () => {
  const sql = 'drop index concurrently a_id'

  test('stopped in the middle it is 23 and names the index; the next start drops the rest', async ({ db }) => {
    await applyTable(db)
    const { exitCode, stderr } = await stopWithin(db, sql, 'drop index concurrently%', 'SIGTERM')
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('the index a_id is half dropped')
    expect(stderr).toContain('drop index concurrently a_id;')
    expect(stderr).not.toContain('nothing of it remains')
    expect(await states(db)).toBe('migration 002_b running')
    const again = await db.up()
    expect(again.exitCode, again.stderr).toBe(0)
    expect(await db.query(`select from pg_class where relname = 'a_id'`)).toEqual([])
  })

  test('of an index that does not exist it is 22: the catalog proves that nothing remains', async ({ db }) => {
    await applyTable(db)
    db.files({ ...table, '002_b.sql': 'drop index concurrently nowhere' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(await states(db)).toBe('migration 001_a applied')
  })
})

describe('DETACH PARTITION CONCURRENTLY', () => {
  const parts = `create table p (id int) partition by range (id);
    create table "P 1" partition of p for values from (1) to (10)`
  const sql = 'alter table p detach partition "P 1" concurrently'

  test.for(['SIGTERM', 'SIGKILL'] as const)('%s in the middle: the next start finishes it', async (how, { db }) => {
    await applyTable(db, parts)
    const { exitCode, stderr } = await stopWithin(db, sql, 'alter table p detach%', how, 'p')
    expect(exitCode, stderr).toBe(how === 'SIGTERM' ? 23 : 137)
    if (how === 'SIGTERM') {
      expect(stderr).toContain('the partition "P 1" is half detached')
      expect(stderr).toContain('alter table p detach partition "P 1" finalize;')
      expect(stderr).not.toContain('nothing of it remains')
    }
    const again = await db.up()
    expect(again.exitCode, again.stderr).toBe(0)
    expect(await db.query(`select from pg_inherits where inhparent = 'p'::regclass`)).toEqual([])
  })
})

describe('REINDEX CONCURRENTLY', () => {
  const invalid = async (db: Database) =>
    (await db.query<{ name: string }>(`select indexrelid::regclass::text as name from pg_index where not indisvalid order by 1`)).map(({ name }) => name) // prettier-ignore

  test.for([
    ['SIGTERM', 'reindex table concurrently a'],
    ['SIGTERM', 'reindex (concurrently) index a_id'],
    ['SIGTERM', 'reindex schema concurrently public'],
    ['SIGKILL', 'reindex table concurrently a'],
  ] as const)(
    '%s in the middle of %s: what it left is named, and dropped when that is allowed',
    async ([how, sql], { db }) => {
      await applyTable(db)
      // What another has left is not ours.
      await db.query('insert into ledger values (1), (1)')
      await db.query('create unique index concurrently theirs_ccnew on ledger (n)').catch(() => {})
      const { exitCode, stderr } = await stopWithin(db, sql, 'reindex%', how)
      expect(exitCode, stderr).toBe(how === 'SIGTERM' ? 23 : 137)
      expect(await invalid(db)).toEqual(['a_id_ccnew', 'theirs_ccnew'])
      const again = await db.up()
      for (const said of how === 'SIGTERM' ? [stderr, again.stderr] : [again.stderr]) {
        expect(said).toContain('left a_id_ccnew invalid')
        expect(said).toContain('drop index concurrently a_id_ccnew;')
        expect(said).not.toContain('theirs_ccnew')
        expect(said).not.toContain('nothing of it remains')
      }
      expect(again.exitCode, again.stderr).toBe(23)
      const mended = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
      expect(mended.exitCode, mended.stderr).toBe(0)
      expect(await invalid(db)).toEqual(['theirs_ccnew'])
    },
  )

  test('of a table that does not exist it is 22', async ({ db }) => {
    await applyTable(db)
    db.files({ ...table, '002_b.sql': 'reindex table concurrently nowhere' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
  })
})

test('a bundle that does not say what to look for makes no claim that nothing remains', async ({ db }) => {
  await applyTable(db)
  db.files({ ...table, '002_b.sql': 'drop index concurrently nowhere' })
  const out = join(db.dir, 'out')
  expect((await db.run(['compile', '--out', out])).exitCode).toBe(0)
  const manifest = join(out, 'migrations/manifest.json')
  const text = readFileSync(manifest, 'utf8')
  expect(text).toContain('"action":"drop index"')
  writeFileSync(manifest, text.replace(/,null,\{"action":[^}]*\}/, ''))
  const { exitCode, stderr } = await db.up([], { UPFRONT_MIGRATIONS_DIR: join(out, 'migrations') })
  expect(exitCode, stderr).toBe(23)
  expect(stderr).toContain('may have left something half done')
})
