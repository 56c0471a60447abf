// An index without a name, made concurrently: which one is ours, and who may be building it.
import { describe, expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'

const table = { '001_a.sql': 'create table a (id int, name text)' }
const unnamed = { ...table, '002_index.sql': 'create index concurrently on a (id)' }

const indexes = async (db: Database) =>
  (
    await db.query<{ line: string }>(
      `select indexrelid::regclass || case when indisvalid then '' else ' invalid' end as line from pg_index
       where indrelid = 'a'::regclass order by 1`,
    )
  ).map(({ line }) => line)

async function openReader(db: Database) {
  const reader = await db.connect()
  await reader.query('begin isolation level repeatable read')
  await reader.query('select from a')
  return { end: () => reader.query('rollback') }
}

async function waits(db: Database) {
  await until(async () => {
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and query ilike 'create index concurrently%' and wait_event_type = 'Lock'`)
    return rows.length > 0
  }, 'the concurrent index waits for the reader')
}

/** An invalid index of somebody else, as its failed build left it. */
async function leaveTheirs(db: Database, sql: string) {
  await db.query('insert into a values (1), (1)')
  await db.query(sql).catch(() => {})
  // TRUNCATE would make it valid.
  await db.query('delete from a')
}

describe('an invalid index of somebody else on the same table', () => {
  test.for([
    ['of another shape', 'create unique index concurrently theirs on a (id, id)', `theirs invalid`],
    [
      'of the same shape and a name as Postgres gives',
      'create unique index concurrently on a (id)',
      'a_id_idx invalid',
    ],
  ])('%s is neither blamed nor dropped', async ([, sql, theirs], { db }) => {
    db.files(table)
    await db.up()
    await leaveTheirs(db, sql!)
    db.files({ ...table, '002_index.sql': 'create unique index concurrently on a (id)' })
    const { exitCode, stderr } = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
    expect(exitCode, stderr).toBe(0)
    expect(await indexes(db)).toContain(theirs)
    expect(await indexes(db)).toHaveLength(2)
  })

  test('when ours fails as well, ours is the one that is named', async ({ db }) => {
    db.files(table)
    await db.up()
    await leaveTheirs(db, 'create unique index concurrently on a (id)')
    await db.query('drop index a_id_idx; insert into a values (1), (1)')
    await db.query('create unique index concurrently on a (id)').catch(() => {})
    db.files({ ...table, '002_index.sql': 'create unique index concurrently on a (id)' })
    for (const _ of [1, 2]) {
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(23)
      expect(stderr).toContain('left the index a_id_idx1 invalid')
    }
    await db.query('delete from a')
    const { exitCode, stderr } = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
    expect(exitCode, stderr).toBe(0)
    expect(await indexes(db)).toContain('a_id_idx invalid')
  })
})

test('killed while it is made: the next start knows which is its own, also beside one that came at that time', async ({
  db,
}) => {
  db.files(table)
  await db.up()
  const reader = await openReader(db)
  db.files(unnamed)
  const killed = db.spawn()
  await waits(db)
  killed.kill('SIGKILL')
  await killed.ended
  await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed', 8_000)
  await reader.end()
  await leaveTheirs(db, 'create unique index concurrently theirs on a (id)')
  expect(await indexes(db)).toEqual(['a_id_idx invalid', 'theirs invalid'])

  const again = await db.up()
  expect(again.exitCode, again.stderr).toBe(23)
  expect(again.stderr).toContain('left the index a_id_idx invalid')
  expect(again.stderr).not.toContain('theirs')
  const { exitCode, stderr } = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
  expect(exitCode, stderr).toBe(0)
  expect(await indexes(db)).toEqual(['a_id_idx', 'theirs invalid'])
})

test('complete and not recorded when the run was killed: it is not made twice', async ({ db }) => {
  db.files({ ...table, '002_index.sql': 'create index concurrently on a (id)' })
  // As the crash would have left it: the row is older than the index.
  await db.up([], {})
  await db.query(`drop index a_id_idx`)
  await db.query(`update upfront.history set state = 'running', statements_done = 0, done_checksum = null
    where name = '002_index'`)
  await db.query('delete from upfront.runs')
  await db.query('create index concurrently on a (id)')
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await indexes(db)).toEqual(['a_id_idx'])
})

test('drop never drops an index that another role is building, though its doings are hidden from ours', async ({
  db,
}) => {
  db.files(table)
  const us = await db.role('login')
  await db.query(`grant all on database ${db.name} to ${us.user}; grant all on schema public to ${us.user}`)
  const env = { UPFRONT_DATABASE_URL: db.urlOf(us), UPFRONT_INVALID_INDEXES: 'drop', UPFRONT_LOCK_TIMEOUT: '500ms' }
  await db.up([], env)
  const reader = await openReader(db)
  const builder = await db.connect()
  const building = builder.query('create index concurrently a_id on a (id)')
  await waits(db)

  db.files({ ...table, '002_index.sql': 'create index concurrently if not exists a_id on a (id)' })
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(23)
  expect(stderr).toContain('another session may be building it')

  await reader.end()
  await building
  expect(await indexes(db)).toEqual(['a_id'])
  expect((await db.up([], env)).exitCode).toBe(0)
})

test('a VACUUM of the table by another role is no builder', async ({ db }) => {
  db.files(table)
  const us = await db.role('login')
  await db.query(`grant all on database ${db.name} to ${us.user}; grant all on schema public to ${us.user}`)
  const env = { UPFRONT_DATABASE_URL: db.urlOf(us), UPFRONT_INVALID_INDEXES: 'drop' }
  await db.up([], env)
  await leaveTheirs(db, 'create unique index concurrently a_id on a (id)')
  await db.query('insert into a select i, repeat(md5(i::text), 20) from generate_series(1, 20000) i; delete from a')
  const vacuum = await db.connect()
  await vacuum.query(`set vacuum_cost_delay = 20; set vacuum_cost_limit = 10`)
  const vacuuming = vacuum.query('vacuum a').catch(() => {})
  await until(async () => (await db.query('select from pg_stat_progress_vacuum')).length > 0, 'it vacuums')
  db.files({ ...table, '002_index.sql': 'create unique index concurrently a_id on a (id)' })
  const running = db.up([], env)
  await until(
    async () => (await db.query(`select from pg_stat_activity where query ilike 'drop index concurrently%' and state = 'active'`)).length > 0, // prettier-ignore
    'it drops',
  )
  await db.query(`select pg_cancel_backend(pid) from pg_stat_activity where query = 'vacuum a'`)
  await vacuuming
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(0)
})

describe('stopped before it began, and somebody else makes one meanwhile', () => {
  /** The row says that the file has begun; what is made from here on is younger than it. */
  async function begin(db: Database, statement: string) {
    db.files({ ...table, '002_index.sql': statement })
    await db.up()
    await db.query('drop index a_id_idx')
    await db.query(`update upfront.history set state = 'running', statements_done = 0, done_checksum = null
      where name = '002_index'`)
    await db.query('delete from upfront.runs')
  }

  test.for([
    ['create index on a (id) where id > 2', ['a_id_idx', 'a_id_idx1']],
    ['create index on a (id desc)', ['a_id_idx', 'a_id_idx1']],
    ['create index on a (id) include (name)', ['a_id_name_idx', 'a_id_idx']],
  ] as const)('a plain index is made all the same beside %s', async ([theirs, both], { db }) => {
    await begin(db, 'create index concurrently on a (id)')
    await db.query(theirs)
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await indexes(db)).toEqual(both.toSorted())
  })

  test.for([
    ['create index concurrently on a (id) where id > 1', 'create index on a (id) where id > 2'],
    ['create index concurrently on a (id int4_ops)', 'create index on a (id)'],
  ] as const)('what %s would be cannot be told from %s: 23 with the ways out', async ([ours, theirs], { db }) => {
    await begin(db, ours)
    await db.query(theirs)
    for (const policy of ['fail', 'drop']) {
      const { exitCode, stderr } = await db.up([], { UPFRONT_INVALID_INDEXES: policy })
      expect(exitCode, stderr).toBe(23)
      expect(stderr).toContain('drop index concurrently a_id_idx;')
      expect(stderr).toContain('upfront repair --done 002_index --reason "..."')
    }
    expect(await indexes(db)).toEqual(['a_id_idx'])

    // Another name in the file says that it is not this one.
    db.files({ ...table, '002_index.sql': ours.replace('concurrently on', 'concurrently mine on') })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await indexes(db)).toEqual(['a_id_idx', 'mine'])
  })

  test('that one is named in the file when it is the one', async ({ db }) => {
    await begin(db, 'create index concurrently on a (id) where id > 1')
    await db.query('create index on a (id) where id > 1')
    expect((await db.up()).exitCode).toBe(23)
    db.files({ ...table, '002_index.sql': 'create index concurrently a_id_idx on a (id) where id > 1' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await indexes(db)).toEqual(['a_id_idx'])
  })
})
