// Runners and servers that die or stand still, and how soon the next one may go on.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { type Database, test, until, withDatabase } from '../support/database.ts'
import { addSeconds } from './harness/figures.ts'
import { asProcessOne, type Process, startingProcessOne, startProgram } from './harness/program.ts'
import { withServer } from './harness/server.ts'

const note = (name: string) => `insert into ledger (name, pid) values ('${name}', pg_backend_pid())`
const first = { '001_ledger.sql': `create table ledger (name text, pid int); ${note('001')}` }

/** Takes a minute, until there is a table `go`: the first runner gets stuck in it, the next does not. */
const stuckInSql = {
  ...first,
  '002_stuck.sql': `${note('002')};
    do $$ begin if to_regclass('go') is null then perform pg_sleep(60); end if; end $$`,
  '003_last.sql': note('003'),
}

/** The same, but the session is idle in its transaction meanwhile; what it waits for is a file. */
const stuckOutside = (db: Database) => ({
  ...first,
  '002_stuck.mjs': `import { existsSync } from 'node:fs'
    export async function up(client) {
      await client.query(${JSON.stringify(note('002'))})
      for (let i = 0; i < 600 && !existsSync(${JSON.stringify(join(db.dir, 'go'))}); i += 1)
        await new Promise((resolve) => setTimeout(resolve, 100))
    }`,
  '003_last.sql': note('003'),
})

const start = (db: Database, env = {}): Process =>
  startProgram(inject('program'), { env: { ...db.env, ...env }, cwd: db.dir })

const ours = `from pg_stat_activity where datname = current_database() and application_name like 'upfront/%'
  and application_name not like '%watching)'`

/** The server process of the runner that is in this state. */
async function pidOf(db: Database, state: string): Promise<number> {
  let pid: number | undefined
  await until(async () => {
    const rows = await db.query<{ pid: number }>(`select pid ${ours} and ${state}`)
    pid = rows[0]?.pid
    return pid !== undefined
  }, `a runner is ${state}`)
  return pid!
}

const inStatement = `wait_event = 'PgSleep'`
const idle = `state = 'idle in transaction'`

async function expectOnce(db: Database) {
  const rows = await db.query<{ name: string }>('select name from ledger order by name')
  expect(rows.map(({ name }) => name)).toEqual(['001', '002', '003'])
  expect((await db.history())!.length).toBe(3)
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
}

/** A second runner waits for the lock; answers how long after the strike it had it, in milliseconds. */
async function successorAfter(db: Database, holder: number, strike: () => void): Promise<number> {
  const successor = start(db)
  await until(async () => (await db.query(`select ${ours} and pid <> ${holder}`)).length > 0, 'another one is there')
  const begun = performance.now()
  strike()
  // It may be done with it between two looks.
  const hasIt = `select from upfront.history where name = '002_stuck' and state = 'applied' union all select from pg_locks where locktype = 'advisory' and granted and pid <> ${holder}
    and database = (select oid from pg_database where datname = current_database())`
  await until(async () => (await db.query(hasIt)).length > 0, 'the successor has the lock', 60_000)
  const tookMs = performance.now() - begun
  const { exitCode, stderr } = await successor.ended
  expect(exitCode, stderr).toBe(0)
  await expectOnce(db)
  return tookMs
}

test('SIGKILL while the lock is held between two statements: the successor has it at once', async ({ db, task }) => {
  db.files(stuckOutside(db))
  const holder = start(db)
  const pid = await pidOf(db, idle)
  writeFileSync(join(db.dir, 'go'), '')
  // The holder would go on within a tenth of a second: it is stopped first.
  holder.kill('SIGSTOP')
  const tookMs = await successorAfter(db, pid, () => holder.kill('SIGKILL'))
  addSeconds(task, 'successorAfterKill', tookMs)
  expect(tookMs).toBeLessThan(5_000)
})

test('SIGKILL inside a long statement: rolled back, and the successor has the lock within seconds', async ({
  db,
  task,
}) => {
  db.files(stuckInSql)
  const holder = start(db)
  const pid = await pidOf(db, inStatement)
  await db.query('create table go ()')
  const tookMs = await successorAfter(db, pid, () => holder.kill('SIGKILL'))
  addSeconds(task, 'successorAfterKillInStatement', tookMs)
  expect(tookMs).toBeLessThan(5_000)
})

test.for([
  ['idle in its transaction, the lock held', stuckOutside, idle],
  ['inside a statement', () => stuckInSql, inStatement],
] as const)(
  'pg_terminate_backend while it is %s: exit 0 on a new connection, everything once',
  async ([, files, state], { db }) => {
    db.files(files(db))
    const running = start(db)
    const pid = await pidOf(db, state)
    await db.query('create table go ()')
    writeFileSync(join(db.dir, 'go'), '')
    await db.query(`select pg_terminate_backend(${pid})`)
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toMatch(/^disconnected /m)
    await expectOnce(db)
  },
)

test('kill -9 of our backend in the middle of a body: the server restarts itself, exit 0, everything once', async () => {
  await withServer({}, (server) =>
    withDatabase(server.url, async (db) => {
      db.files(stuckInSql)
      const running = start(db)
      const pid = await pidOf(db, inStatement)
      await db.query('create table go ()')
      process.kill(pid, 'SIGKILL')
      const { exitCode, stderr } = await running.ended
      expect(exitCode, stderr).toBe(0)
      expect(server.log()).toContain('was terminated by signal 9')
      await expectOnce(db)
    }),
  )
})

test('a runner that stands still while another takes over finds its session gone when it goes on', async ({ db }) => {
  db.files(stuckOutside(db))
  const sleeper = start(db)
  const pid = await pidOf(db, idle)
  sleeper.kill('SIGSTOP')
  // As the server does it when it hears nothing of a client for long enough.
  await db.query(`select pg_terminate_backend(${pid}, 5000)`)
  writeFileSync(join(db.dir, 'go'), '')
  const other = await start(db).ended
  expect(other.exitCode, other.stderr).toBe(0)
  await expectOnce(db)

  sleeper.kill('SIGCONT')
  const { exitCode, stderr } = await sleeper.ended

  expect([0, 32], stderr).toContain(exitCode)
  expect(stderr).not.toMatch(/^applied {8}00[23]/m)
  await expectOnce(db)
  expect(existsSync(join(db.dir, 'go'))).toBe(true)
})

test('SIGHUP inside a statement is as SIGTERM: 143 within 8 s, nothing of it remains', async ({ db }) => {
  db.files(stuckInSql)
  const running = start(db)
  await pidOf(db, inStatement)
  const begun = performance.now()
  running.kill('SIGHUP')
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(143)
  expect(performance.now() - begun).toBeLessThan(8_000)
  expect(stderr).toContain('stopped by SIGHUP')
  expect(await db.history()).toEqual(['migration 001_ledger applied'])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test.for([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s to process 1 while Node itself starts is not lost', async ([signal, exit], { db }) => {
  db.files(first)
  // A server that nobody reaches, so that a lost signal would end in 30, after ten seconds.
  const env = { ...db.env, UPFRONT_DATABASE_URL: 'postgres://app@127.0.0.1:1/app', UPFRONT_WAIT_TIMEOUT: '10s' }
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const runner = startProgram(inject('program'), { env, cwd: db.dir, prefix: asProcessOne })
    const pid = startingProcessOne(runner.pid)
    const begun = performance.now()
    process.kill(pid, signal)
    const { exitCode, stderr } = await runner.ended
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(exitCode, stderr).toBe(exit)
    expect(stderr).toContain(`stopped by ${signal}`)
  }
})
