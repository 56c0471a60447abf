// BEGIN ... COMMIT in a file outside a transaction: one unit, which has its progress in it.
import { describe, expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

const marker = '-- upfront:no-transaction\n'
const table = { '001_a.sql': 'create table a (id int primary key); create table ledger (n int)' }
const block = (...statements: string[]) => `begin;\n${statements.map((one) => `  ${one};\n`).join('')}commit;\n`
const file = (sql: string) => ({ ...table, '002_b.sql': `${marker}${sql}` })

const ledger = async (db: Database) =>
  (await db.query<{ n: number }>('select n from ledger order by n')).map(({ n }) => n)
const progress = async (db: Database) =>
  db.query(`select state, statements_done as done from upfront.history where name = '002_b'`)

const whole = `${block('insert into ledger values (1)', 'insert into ledger values (2)')}create index concurrently ledger_n on ledger (n);
${block('set transaction isolation level serializable', 'insert into ledger values (3)')}`

test('blocks and concurrent statements run in their order, each block whole', async ({ db }) => {
  db.files(file(whole))
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await ledger(db)).toEqual([1, 2, 3])
  expect(await progress(db)).toEqual([{ state: 'applied', done: 3 }])
})

test('from a bundle too', async ({ db }) => {
  db.files(file(whole))
  const out = `${db.dir}/out`
  expect((await db.run(['compile', '--out', out])).exitCode).toBe(0)
  const { exitCode, stderr } = await db.up([], { UPFRONT_MIGRATIONS_DIR: `${out}/migrations` })
  expect(exitCode, stderr).toBe(0)
  expect(await ledger(db)).toEqual([1, 2, 3])
})

describe('a block that fails', () => {
  test('first in its file: 22 with the place of its statement, and nothing of it remains', async ({ db }) => {
    db.files(file(block('insert into ledger values (1)', 'insert into ledger values (1 / 0)')))
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('002_b.sql:4:3')
    expect(await ledger(db)).toEqual([])
    expect(await progress(db)).toEqual([])
  })

  test('later: 23 with its place; mended, it goes on with the block as a whole', async ({ db }) => {
    db.files(
      file(
        `insert into ledger values (0);\n${block('insert into ledger values (1)', 'insert into nowhere values (1)')}`,
      ),
    )
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('002_b.sql:5:15')
    expect(stderr).toContain('stopped after 1 of 2 statements')
    expect(await ledger(db)).toEqual([0])
    db.files(
      file(
        `insert into ledger values (0);\n${block('insert into ledger values (1)', 'insert into ledger values (2)')}`,
      ),
    )
    expect((await db.up()).exitCode).toBe(0)
    expect(await ledger(db)).toEqual([0, 1, 2])
  })

  test('at its COMMIT, by a deferred constraint: the place is the COMMIT, and nothing remains', async ({ db }) => {
    db.files(
      file(
        block(
          'create table c (id int primary key deferrable initially deferred)',
          'insert into c values (1), (1)',
          'insert into ledger values (1)',
        ),
      ),
    )
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('002_b.sql:6:1')
    expect(await ledger(db)).toEqual([])
    expect(await db.tables()).toEqual(['public.a', 'public.ledger'])
  })

  test('because Postgres cuts a name: it is rolled back', async ({ db }) => {
    const name = 'x'.repeat(70)
    db.files(
      file(block('insert into ledger values (1)', `do $$ begin execute 'create table ${name} (id int)'; end $$`)),
    )
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('42622')
    expect(await ledger(db)).toEqual([])
    expect(await db.tables()).toEqual(['public.a', 'public.ledger'])
  })
})

test('others’ locks stop a block: it is tried again as a whole, and 33 when nothing of the file is done', async ({
  db,
}) => {
  db.files(table)
  await db.up()
  const short = { UPFRONT_LOCK_TIMEOUT: '200ms', UPFRONT_LOCK_RETRY: '700ms' }
  const other = await db.connect()
  await other.query('begin; lock table a')
  db.files(file(block('insert into ledger values (1)', 'alter table a add b int')))
  const busy = await db.up([], short)
  expect(busy.exitCode, busy.stderr).toBe(33)
  const running = db.up([], { ...short, UPFRONT_LOCK_RETRY: '30s' })
  setTimeout(() => void other.query('rollback'), 900)
  const { exitCode, stderr } = await running
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('retrying')
  expect(await ledger(db)).toEqual([1])
})

test('the connection is lost at any message of it: each block is done once, and told as it is', async ({ db }) => {
  db.files(file(whole))
  const port = Number(new URL(db.url).port)
  let count = 0
  {
    await using proxy = await startProxy(port)
    expect((await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(proxy) })).exitCode).toBe(0)
    count = proxy.messages.filter(({ connection }) => connection === 1).length
  }
  for (let k = 12; k <= count; k += 1) {
    for (const fate of ['drop request', 'drop reply'] as const) {
      await db.query('drop schema upfront cascade; drop table a, ledger')
      let struck = false
      await using proxy = await startProxy(port, ({ connection, place }) => {
        if (struck || connection !== 1 || place !== k) return 'forward'
        struck = true
        return fate
      })
      const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(proxy) })
      if (exitCode === 23) {
        expect(stderr).toContain('left the index ledger_n invalid')
        const mended = await db.up([], { UPFRONT_INVALID_INDEXES: 'drop' })
        expect(mended.exitCode, `${k} ${fate}\n${mended.stderr}`).toBe(0)
      } else expect(exitCode, `${k} ${fate}\n${stderr}`).toBe(0)
      expect(await ledger(db), `${k} ${fate}`).toEqual([1, 2, 3])
    }
  }
}, 300_000)

test('killed inside a block: nothing of it is there, and the next start runs it', async ({ db }) => {
  db.files(file(`insert into ledger values (0);\n${block('insert into ledger values (1)', 'select pg_sleep(60)')}`))
  const running = db.spawn()
  await until(
    async () => (await db.query(`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)).length > 0,
    'it sleeps',
  ) // prettier-ignore
  running.kill('SIGKILL')
  await running.ended
  await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed', 8_000)
  expect(await ledger(db)).toEqual([0])
  db.files(file(`insert into ledger values (0);\n${block('insert into ledger values (1)', 'select 1')}`))
  expect((await db.up()).exitCode).toBe(0)
  expect(await ledger(db)).toEqual([0, 1])
})

test('a down may have blocks as well', async ({ db }) => {
  db.files({
    ...file('create table b (id int);'),
    '002_b.down.sql': `${marker}${block('drop table b', 'insert into ledger values (1)')}drop index concurrently if exists nothing;`,
  })
  expect((await db.up()).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['down', '--yes-destroy', db.name])
  expect(exitCode, stderr).toBe(0)
  expect(await ledger(db)).toEqual([1])
  expect(await db.history()).toEqual(['migration 001_a applied'])
})
