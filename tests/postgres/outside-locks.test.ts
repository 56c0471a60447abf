// lock_timeout outside a transaction: what can be taken back is tried again, what cannot waits.
import { describe, expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'

const marker = '-- upfront:no-transaction\n'
const table = { '001_a.sql': 'create table a (id int); create index a_id on a (id)' }
const short = { UPFRONT_LOCK_TIMEOUT: '300ms', UPFRONT_LOCK_RETRY: '1s' }

async function openReader(db: Database) {
  const reader = await db.connect()
  await reader.query('begin')
  await reader.query('select from a')
  return { end: () => reader.query('rollback') }
}

/** How long a reader of the table waits at most, while something runs. */
async function slowestRead(db: Database, running: Promise<unknown>): Promise<number> {
  const witness = await db.connect()
  let slowest = 0
  let over = false
  void running.finally(() => (over = true))
  while (!over) {
    const begun = performance.now()
    await witness.query('select from a')
    slowest = Math.max(slowest, performance.now() - begun)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return slowest
}

async function applied(db: Database) {
  db.files(table)
  await db.up()
}

describe('a plain ALTER TABLE behind a reader, in a file outside a transaction', () => {
  test('blocks readers for lock_timeout at most, and is 33 when it is all there is', async ({ db }) => {
    await applied(db)
    const reader = await openReader(db)
    db.files({ ...table, '002_b.sql': `${marker}alter table a add b int;\ncreate index concurrently a_b on a (b);` })
    const running = db.up([], short)
    expect(await slowestRead(db, running)).toBeLessThan(1_500)
    const { exitCode, stderr } = await running
    expect(exitCode, stderr).toBe(33)
    expect(stderr).toContain('retrying')
    expect(stderr).toContain('nothing of it was applied')
    expect(await db.history()).toEqual(['migration 001_a applied'])
    await reader.end()
    expect((await db.up([], short)).exitCode).toBe(0)
  })

  test('is tried again as a whole, and applied when the reader is gone', async ({ db }) => {
    await applied(db)
    const reader = await openReader(db)
    db.files({ ...table, '002_b.sql': `${marker}alter table a add b int;\nselect 1;` })
    const running = db.up([], { ...short, UPFRONT_LOCK_RETRY: '30s' })
    await until(async () => (await db.query('select from upfront.history')).length === 2, 'it has begun')
    setTimeout(() => void reader.end(), 700)
    const { exitCode, stderr } = await running
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('retrying')
  })

  test('is 23 with what remains when statements before it are done, and the next start goes on with it', async ({
    db,
  }) => {
    await applied(db)
    const reader = await openReader(db)
    db.files({ ...table, '002_b.sql': `${marker}create table b ();\nalter table a add b int;` })
    const { exitCode, stderr } = await db.up([], short)
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain(
      "stopped after 1 of 2 statements, which remain (it runs outside a transaction); others' locks",
    )
    expect(stderr).toContain('it goes on with statement 2')
    await reader.end()
    const again = await db.up([], short)
    expect(again.exitCode, again.stderr).toBe(0)
  })
})

test.for(['vacuum full a', 'reindex schema public', 'cluster a using a_id; select 1'])(
  'lock_timeout holds for %s too, which nothing half done is left of',
  async (sql, { db }) => {
    await applied(db)
    const reader = await openReader(db)
    db.files({ ...table, '002_b.sql': `${marker}${sql};` })
    const running = db.up([], short)
    expect(await slowestRead(db, running)).toBeLessThan(1_500)
    const { exitCode, stderr } = await running
    expect(exitCode, stderr).toBe(33)
    await reader.end()
    expect((await db.up([], short)).exitCode).toBe(0)
  },
)

test('what waits for others in its middle has no lock_timeout, and what follows has it again', async ({ db }) => {
  await applied(db)
  const reader = await db.connect()
  await reader.query('begin isolation level repeatable read')
  await reader.query('select from a')
  db.files({
    ...table,
    '002_b.sql': `${marker}create index concurrently a_id2 on a (id);\nreindex index concurrently a_id;
      create table seen as select current_setting('lock_timeout') as lock_timeout;`,
  })
  const running = db.up([], short)
  setTimeout(() => void reader.query('rollback'), 1_200)
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select * from seen')).toEqual([{ lock_timeout: '300ms' }])
})

test('a lock_timeout that the file has set itself stays, also for what waits', async ({ db }) => {
  await applied(db)
  db.files({
    ...table,
    '002_b.sql': `${marker}set lock_timeout = '7s';\ncreate index concurrently a_id2 on a (id);
      create table seen as select current_setting('lock_timeout') as lock_timeout;`,
  })
  const { exitCode, stderr } = await db.up([], short)
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select * from seen')).toEqual([{ lock_timeout: '7s' }])
})

test('a module outside a transaction has the normal lock_timeout', async ({ db }) => {
  await applied(db)
  const reader = await openReader(db)
  db.files({
    ...table,
    '002_b.ts': `export const transaction = false
      export async function up(client) { await client.query('alter table a add b int') }`,
  })
  const running = db.up([], short)
  expect(await slowestRead(db, running)).toBeLessThan(1_500)
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(23)
  expect(stderr).toContain('55P03')
  await reader.end()
})

describe('a down outside a transaction', () => {
  const down = (sql: string) => ({ ...table, '002_b.sql': 'create table b ()', '002_b.down.sql': sql })
  const consent = (db: Database) => ['down', '--yes-destroy', db.name]

  test('does not queue for ever: 33 when nothing is taken back, 23 with the command when something is', async ({
    db,
  }) => {
    db.files(down('lock table a; select 1'))
    await db.up()
    for (const [sql, code] of [
      ['alter table a add c int; drop index concurrently a_id; drop table b', 33],
      ['drop table b; alter table a add c int; drop index concurrently a_id', 23],
    ] as const) {
      const reader = await openReader(db)
      db.files(down(sql))
      const running = db.run(consent(db), short)
      expect(await slowestRead(db, running)).toBeLessThan(1_500)
      const { exitCode, stderr } = await running
      expect(exitCode, stderr).toBe(code)
      if (code === 23) expect(stderr).toContain('upfront repair --forget 002_b --reason "..."')
      expect(await db.history()).toContain(`migration 002_b ${code === 33 ? 'applied' : 'running'}`)
      await reader.end()
    }
  })

  test('that fails at its first statement is 22: nothing is taken back', async ({ db }) => {
    db.files(down('drop index concurrently nowhere; drop table b'))
    await db.up()
    const { exitCode, stderr } = await db.run(consent(db))
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('nothing of it remains, and 002_b is still applied')
  })
})
