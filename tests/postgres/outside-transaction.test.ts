import { describe, expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'
import { interruption } from '../support/run.ts'

const marker = '-- upfront:no-transaction\n'
const table = { '001_a.sql': 'create table a (id int, name text)' }
const index = { ...table, '002_index.sql': 'create index concurrently a_id on a (id)' }

async function progress(db: Database) {
  return db.query(`select name, state, statements_done from upfront.history order by id`)
}

/** null for an index that is not there. */
async function isValid(db: Database, name = 'a_id') {
  const [row] = await db.query<{ valid: boolean }>(
    `select indisvalid as valid from pg_index where indexrelid = to_regclass('${name}')`,
  )
  return row?.valid ?? null
}

/** A transaction that has seen the table: no concurrent index is finished before it ends. */
async function openReader(db: Database) {
  const reader = await db.connect()
  await reader.query('begin isolation level repeatable read')
  await reader.query('select from a')
  return { end: () => reader.query('rollback') }
}

async function indexIsBlocked(db: Database) {
  await until(async () => {
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and query ilike 'create index concurrently%' and wait_event_type = 'Lock'`)
    return rows.length > 0
  }, 'the concurrent index waits for the reader')
}

describe('what runs outside a transaction', () => {
  test('a file that is one concurrent index needs no marker', async ({ db }) => {
    db.files({
      ...table,
      '002_index.sql': '-- why it is there\ncreate index concurrently a_id on a (id);\n-- the end\n',
    })
    const { exitCode, stderr, applied } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['001_a', '002_index'])
    expect(await isValid(db)).toBe(true)
  })

  test('a file with the marker runs statement by statement', async ({ db }) => {
    db.files({
      ...table,
      '002_many.sql': `${marker}create index concurrently a_id on a (id);
        insert into a values (1); vacuum a; create index concurrently if not exists a_name on a (name)`,
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect([await isValid(db), await isValid(db, 'a_name')]).toEqual([true, true])
    expect(await progress(db)).toEqual([
      { name: '001_a', state: 'applied', statements_done: 0 },
      { name: '002_many', state: 'applied', statements_done: 4 },
    ])
    expect((await db.up()).stderr).toContain('up to date')
  })

  test.for([
    ['after other comments', `-- about it\n/* and\nmore */\n\n${marker}`],
    ['indented and in CRLF', '  --upfront:no-transaction\r\n'],
  ])('the marker may stand %s', async ([, first], { db }) => {
    db.files({ ...table, '002_vacuum.sql': `${first}insert into a values (1);\nvacuum a;` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
  })

  test.for([
    ['after the first statement', `select 1;\n${marker}vacuum a;`],
    ['inside another comment', `/* ${marker} */ select 1; vacuum a;`],
    ['with other words', '-- upfront:no-transaction please\nselect 1; vacuum a;'],
  ])('a marker %s is none', async ([, sql], { db }) => {
    db.files({ ...table, '002_vacuum.sql': sql! })
    expect((await db.up()).exitCode).toBe(20)
  })

  test('a file that mixes without a marker is refused with its place, and nothing runs', async ({ db }) => {
    db.files({ ...table, '002_mixed.sql': 'insert into a values (1);\n  create index concurrently a_id on a (id);' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode).toBe(20)
    expect(stderr).toContain('002_mixed.sql:2:3')
    expect(stderr).toContain('CREATE INDEX CONCURRENTLY cannot run inside a transaction')
    expect(stderr).toContain('-- upfront:no-transaction')
    expect(await db.history()).toBeNull()
  })

  test('session state does not leak from it into the next', async ({ db }) => {
    db.files({ '001_a.sql': `${marker}create schema s; set search_path = s;`, '002_b.sql': 'create table b (id int)' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toEqual(['public.b'])
  })

  test('a truncated identifier stops it, because nothing can be rolled back', async ({ db }) => {
    db.files({ '001_a.sql': `${marker}create table a (id int);\ncreate table ${'x'.repeat(70)} (id int);` })
    const { exitCode } = await db.up()
    // What compile finds needs no database (20); what only the server says is 23.
    expect([20, 23]).toContain(exitCode)
  })
})

describe('a statement that fails', () => {
  const three = (second: string, first = 'create table b (id int)') => ({
    ...table,
    '002_three.sql': `${marker}${first};\n${second};\ncreate table c (id int);`,
  })

  test('the first: 22, and nothing of it remains', async ({ db }) => {
    db.files(three('select 1', 'create table b (id nosuchtype)'))
    const { exitCode, stderr } = await db.up()
    expect(exitCode).toBe(22)
    expect(stderr).toContain('failed at its first statement; nothing of it remains')
    expect(await progress(db)).toEqual([{ name: '001_a', state: 'applied', statements_done: 0 }])
    db.files(three('select 1'))
    expect((await db.up()).exitCode).toBe(0)
  })

  test('the second: 23 with its place; mended, it goes on there; the first is not run again', async ({ db }) => {
    db.files(three('insert into nowhere values (1)'))
    const failed = await db.up()
    expect(failed.exitCode).toBe(23)
    expect(failed.stderr).toContain('002_three stopped after 1 of 3 statements, which remain')
    expect(failed.stderr).toContain('002_three.sql:3:1')
    expect(failed.stderr).toContain('Mend statement 2 and start again')
    expect(await db.tables()).toEqual(['public.a', 'public.b'])
    expect(await progress(db)).toContainEqual({ name: '002_three', state: 'running', statements_done: 1 })

    const status = await db.run(['status', '--exit-code'])
    expect(status.exitCode).toBe(34)
    expect(status.stdout).toContain('002_three')

    db.files(three('insert into b values (1)'))
    const { exitCode, stderr, applied } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['002_three'])
    expect(await db.tables()).toEqual(['public.a', 'public.b', 'public.c'])
    expect(await progress(db)).toContainEqual({ name: '002_three', state: 'applied', statements_done: 3 })
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('a start without mending fails again in the same way, as often as one tries', async ({ db }) => {
    db.files(three('insert into nowhere values (1)'))
    for (const _ of [1, 2, 3]) {
      const { exitCode, stderr } = await db.up()
      expect(exitCode).toBe(23)
      expect(stderr).toContain('stopped after 1 of 3 statements')
    }
    expect(await db.query('select from b')).toEqual([])
  })

  test('when what had run was changed, it does not go on: 21', async ({ db }) => {
    db.files(three('insert into nowhere values (1)'))
    await db.up()
    db.files(three('insert into b values (1)', 'create table b (id bigint)'))
    const { exitCode, stderr } = await db.up()
    expect(exitCode).toBe(21)
    expect(stderr).toContain('002_three stopped half way, and the 1 statements that had run were changed since')
    expect(await db.tables()).toEqual(['public.a', 'public.b'])
  })

  test('comments and blank lines before what had run are no change', async ({ db }) => {
    db.files(three('insert into nowhere values (1)'))
    await db.up()
    const { '002_three.sql': sql } = three('insert into b values (1)')
    db.files({ ...table, '002_three.sql': sql.replace('create table b', '\n-- more\n\ncreate table b') })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
  })

  test('a block that is rolled back is refused before anything runs', async ({ db }) => {
    db.files(three('begin;\ninsert into b values (1);\nrollback'))
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain('002_three.sql:5:1: a block that is rolled back does nothing')
    expect(await db.history()).toBeNull()
  })

  test('nothing that comes after it runs', async ({ db }) => {
    db.files({ ...three('select 1 / 0'), '003_d.sql': 'create table d (id int)' })
    const { stderr } = await db.up()
    expect(stderr).toContain('not run: 003_d')
    expect(await db.tables()).not.toContain('public.d')
  })
})

describe('an index that stays invalid', () => {
  const unique = { ...table, '002_index.sql': 'create unique index concurrently a_id on a (id)' }

  async function duplicates(db: Database) {
    db.files(table)
    await db.up()
    await db.query('insert into a values (1), (1)')
  }

  test('a unique one over duplicate rows: 23, with its name, the reason and the two commands', async ({ db }) => {
    await duplicates(db)
    db.files(unique)

    const { exitCode, stderr } = await db.up()

    expect(exitCode).toBe(23)
    expect(stderr).toContain('migration 002_index left the index a_id invalid')
    expect(stderr).toContain('ERROR 23505: could not create unique index "a_id"')
    expect(stderr).toContain('Key (id)=(1) is duplicated')
    expect(stderr).toContain('drop index concurrently a_id;')
    expect(stderr).toContain('reindex index concurrently a_id;')
    expect(await isValid(db)).toBe(false)
  })

  test.for(['drop index concurrently a_id', 'reindex index concurrently a_id'])(
    'it is done by the rows mended and %s',
    async (command, { db }) => {
      await duplicates(db)
      db.files(unique)
      await db.up()
      expect((await db.up()).exitCode).toBe(23)
      await db.query('truncate a')
      await db.query(command)
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(0)
      expect(await isValid(db)).toBe(true)
      expect(await db.history()).toEqual(['migration 001_a applied', 'migration 002_index applied'])
    },
  )

  test('IF NOT EXISTS over one that was there: 23, not success', async ({ db }) => {
    await duplicates(db)
    await db.query('create unique index concurrently a_id on a (id)').catch(() => {})
    expect(await isValid(db)).toBe(false)
    db.files({ ...table, '002_index.sql': 'create unique index concurrently if not exists a_id on a (id)' })
    for (const _ of [1, 2]) {
      const { exitCode, stderr } = await db.up()
      expect(exitCode).toBe(23)
      expect(stderr).toContain('a_id')
    }
    expect(await db.history()).not.toContain('migration 002_index applied')
  })

  test('UPFRONT_INVALID_INDEXES=drop drops the one of this file, and makes it again', async ({ db }) => {
    await duplicates(db)
    db.files(unique)
    await db.up()
    await db.query('truncate a')
    const { exitCode, stderr } = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
    expect(exitCode, stderr).toBe(0)
    expect(await isValid(db)).toBe(true)
  })

  test('drop does not make an error into success', async ({ db }) => {
    await duplicates(db)
    db.files(unique)
    for (const _ of [1, 2]) expect((await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })).exitCode).toBe(23)
  })

  test('drop leaves the invalid indexes of others alone', async ({ db }) => {
    await duplicates(db)
    await db.query('create unique index concurrently theirs on a (id)').catch(() => {})
    db.files(index)
    const { exitCode, stderr } = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
    expect(exitCode, stderr).toBe(0)
    expect(await isValid(db, 'theirs')).toBe(false)
  })

  test('odd names of schema, table and index are found too', async ({ db }) => {
    db.files({
      '001_a.sql':
        'create schema "My S"; create table "My S"."My T" ("The Id" int); insert into "My S"."My T" values (1), (1)',
      '002_index.sql': 'create unique index concurrently "My I" on "My S"."My T" ("The Id")',
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode).toBe(23)
    expect(stderr).toContain('drop index concurrently "My S"."My I";')
  })

  test('an index without a name is found as well', async ({ db }) => {
    await duplicates(db)
    db.files({ ...table, '002_index.sql': 'create unique index concurrently on a (id)' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode).toBe(23)
    expect(stderr).toContain('drop index concurrently a_id_idx;')
  })
})

describe('killed, stopped, crowded', () => {
  test('SIGKILL while it waits for a reader: the rerun says the index is invalid, and can mend it', async ({ db }) => {
    db.files(table)
    await db.up()
    const reader = await openReader(db)
    db.files(index)
    const killed = db.spawn()
    await indexIsBlocked(db)

    killed.kill('SIGKILL')
    expect((await killed.ended).exitCode).toBe(137)
    await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed', 8_000)
    expect(await isValid(db)).toBe(false)
    await reader.end()

    const again = await db.up()
    expect(again.exitCode).toBe(23)
    expect(again.stderr).toContain('an earlier attempt did not finish')
    const { exitCode, stderr } = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
    expect(exitCode, stderr).toBe(0)
    expect(await isValid(db)).toBe(true)
  })

  test('killed after the index was complete and before that was recorded: the rerun sees it in the catalog', async ({
    db,
  }) => {
    db.files({ ...table, '002_index.sql': `${marker}create index concurrently a_id on a (id);\nselect 1 / 0;` })
    expect((await db.up()).exitCode).toBe(23)
    // As the crash would have left it.
    await db.query(`update upfront.history set statements_done = 0, done_checksum = null where name = '002_index'`)
    db.files({ ...table, '002_index.sql': `${marker}create index concurrently a_id on a (id);\nselect 1;` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await isValid(db)).toBe(true)
  })

  test('the same with an index of another definition under that name: 23, not success', async ({ db }) => {
    db.files({ ...table, '002_index.sql': `${marker}create index concurrently a_id on a (id);\nselect 1 / 0;` })
    await db.up()
    await db.query(`update upfront.history set statements_done = 0, done_checksum = null where name = '002_index'`)
    await db.query('drop index a_id; create index a_id on a (name)')
    const { exitCode, stderr } = await db.up()
    expect(exitCode).toBe(23)
    expect(stderr).toContain('a_id exists but is not as the file says')
  })

  test('SIGTERM while it waits for a reader: 23, because the index is left invalid', async ({ db }) => {
    db.files(table)
    await db.up()
    const reader = await openReader(db)
    db.files(index)
    const running = db.spawn()
    await indexIsBlocked(db)

    running.kill('SIGTERM')
    const { exitCode, stderr } = await running.ended

    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('left the index a_id invalid')
    await reader.end()
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('a signal between statements: 143, and the next run goes on', async ({ db }) => {
    db.files({
      ...table,
      '002_many.sql': `${marker}insert into a values (1);\nselect pg_sleep(30);\ninsert into a values (2);`,
    })
    const abort = new AbortController()
    const running = db.up([], {}, abort.signal)
    await until(async () => {
      const rows = await db.query(`select from pg_stat_activity where datname = current_database()
        and wait_event = 'PgSleep'`)
      return rows.length > 0
    }, 'it sleeps')
    abort.abort(interruption('SIGTERM'))
    expect((await running).exitCode).toBe(143)

    db.files({ ...table, '002_many.sql': `${marker}insert into a values (1);\nselect 1;\ninsert into a values (2);` })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select id from a order by id')).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('a long reader, and ten others waiting: one applies, all succeed, nobody deadlocks', async ({ db }) => {
    db.files(table)
    await db.up()
    const reader = await openReader(db)
    db.files(index)

    const runs = Array.from({ length: 11 }, () => db.up([], { UPFRONT_LOCK_TIMEOUT: '200ms' }))
    await indexIsBlocked(db)
    // Long enough for deadlock detection, which looks after a second.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    await reader.end()
    const outcomes = await Promise.all(runs)

    expect(outcomes.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual(Array(11).fill(0))
    expect(outcomes.flatMap(({ applied }) => applied)).toEqual(['002_index'])
    expect(await isValid(db)).toBe(true)
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('the connection is lost during the index: 32 or done, and a rerun ends well or says it is invalid', async ({
    db,
  }) => {
    db.files(table)
    await db.up()
    const reader = await openReader(db)
    db.files(index)
    const running = db.up()
    await indexIsBlocked(db)
    await db.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'create index concurrently%'`)
    await reader.end()
    const { exitCode, stderr } = await running
    // It connects again by itself, and finds what the catalog says.
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('an earlier attempt did not finish')
  })
})

test('a row that is deleted while its file runs is noticed at the end: 23, and the command that records it', async ({
  db,
}) => {
  db.files({
    '001_a.sql': `-- upfront:no-transaction\ncreate table a (id int);\ndelete from upfront.history where name = '001_a'`,
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(23)
  expect(stderr).toContain('upfront repair --done 001_a --reason "..."')
  expect((await db.run(['repair', '--done', '001_a', '--reason', 'it is'])).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 001_a baseline'])
})
