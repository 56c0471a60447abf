// Servers that are not the primary, are it no longer, or wait for one that is not there.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Server } from '../../src/embedded/postgres.ts'
import { type Database, until, withDatabase } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { withServer } from './harness/server.ts'
import { withStandby } from './harness/standby.ts'

const note = (name: string) => `insert into ledger values ('${name}')`
const files = {
  '001_ledger.sql': `create table ledger (name text); ${note('001')}`,
  '002_second.sql': note('002'),
  '003_slow.sql': `select pg_sleep(2); ${note('003')}`,
}

async function withPair(use: (server: Server, db: Database) => Promise<void>): Promise<void> {
  await withServer({}, (server) => withDatabase(server.url, (db) => use(server, db)))
}

const ledger = async (db: Database, url: string) => {
  const witness = await db.connect(url)
  const { rows } = await witness.query<{ name: string }>('select name from ledger order by name')
  return rows.map(({ name }) => name)
}

test('T17 a standby: waited for, and exit 30 when it is never promoted', async () => {
  await withPair(async (server, db) => {
    await withStandby(server, {}, async (standby) => {
      await standby.untilCaughtUp(server)
      db.files(files)
      const { exitCode, stderr } = await db.up([], {
        UPFRONT_DATABASE_URL: standby.urlOf(db.url),
        UPFRONT_WAIT_TIMEOUT: '2s',
      })
      expect(exitCode, stderr).toBe(30)
      expect(stderr).toContain('the server is a standby')
      expect(await db.tables()).toEqual([])
    })
  })
})

test('T17 a standby that is promoted while we wait: exit 0', async () => {
  await withPair(async (server, db) => {
    await withStandby(server, {}, async (standby) => {
      await standby.untilCaughtUp(server)
      db.files(files)
      const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: standby.urlOf(db.url), UPFRONT_WAIT_TIMEOUT: '30s' })
      await running.says('the server is a standby')
      await standby.promote()
      const { exitCode, stderr } = await running.ended
      expect(exitCode, stderr).toBe(0)
      expect(await ledger(db, standby.urlOf(db.url))).toEqual(['001', '002', '003'])
    })
  })
})

test('T17 of several hosts the one that is a standby is passed over', async () => {
  await withPair(async (server, db) => {
    await withStandby(server, {}, async (standby) => {
      await standby.untilCaughtUp(server)
      db.files(files)
      const url = db.url.replace(`:${server.port}/`, `:${standby.port},127.0.0.1:${server.port}/`)
      const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: url })
      expect(exitCode, stderr).toBe(0)
      expect(await ledger(db, db.url)).toEqual(['001', '002', '003'])
    })
  })
})

test('T10 a standby with hot_standby=off: exit 30, in the words of the server', async () => {
  await withPair(async (server, db) => {
    await withStandby(server, { settings: { hot_standby: 'off' } }, async (standby) => {
      db.files(files)
      const { exitCode, stderr } = await db.up([], {
        UPFRONT_DATABASE_URL: standby.urlOf(db.url),
        UPFRONT_WAIT_TIMEOUT: '3s',
      })
      expect(exitCode, stderr).toBe(30)
      expect(stderr).toMatch(/57P03|not accepting connections|starting up|not yet/)
    })
  })
})

test('T40 the primary dies, and the standby is promoted without its last commits: applied there, once', async () => {
  await withPair(async (server, db) => {
    await using link = await startProxy(server.port)
    await withStandby(server, { primaryPort: link.port }, async (standby) => {
      db.files({ '001_ledger.sql': files['001_ledger.sql'] })
      expect((await db.up()).exitCode).toBe(0)
      await standby.untilCaughtUp(server)
      // From here on the standby hears nothing more.
      await link.close()
      db.files(files)
      const url = db.url.replace(`:${server.port}/`, `:${server.port},127.0.0.1:${standby.port}/`)
      const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: url, UPFRONT_WAIT_TIMEOUT: '30s' })
      await running.says(/^applied {8}002_second/m)
      await until(
        async () => (await db.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length === 1,
        'it is inside the third',
      )

      await server.halt('immediate')
      await standby.promote()

      const { exitCode, stderr } = await running.ended
      expect(exitCode, stderr).toBe(0)
      // The second was committed on the old primary, which nobody will ask again.
      expect(stderr.match(/^applied {8}002_second/gm)).toHaveLength(2)
      expect(await ledger(db, standby.urlOf(db.url))).toEqual(['001', '002', '003'])
    })
  })
})

/** Commits wait for a standby that is not there, from the middle of the third migration on. */
async function withMissingStandby(
  env: Readonly<Record<string, string>>,
  use: (db: Database, running: ReturnType<Database['spawn']>) => Promise<void>,
) {
  await withPair(async (_, db) => {
    db.files(files)
    const running = db.spawn(['up'], env)
    await running.says(/^applied {8}002_second/m)
    const admin = await db.connect()
    await admin.query(`alter system set synchronous_standby_names = 'missing'`)
    await admin.query('select pg_reload_conf()')
    await until(
      async () => (await db.query(`select from pg_stat_activity where wait_event = 'SyncRep'`)).length === 1,
      'its COMMIT waits for the standby',
    )
    await use(db, running)
    await admin.query('alter system reset synchronous_standby_names')
    await admin.query('select pg_reload_conf()')
    await sleep(200)
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await ledger(db, db.url)).toEqual(['001', '002', '003'])
  })
}

test('T41 a synchronous standby that is missing: 32 at the deadline, and nothing is denied that was committed', async () => {
  await withMissingStandby({ UPFRONT_DEADLINE: '5s' }, async (db, running) => {
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(32)
    const there = (await db.history())!.includes('migration 003_slow applied')
    expect(there).toBe(true)
    // Postgres gives up waiting and has committed: either that is told, or that nobody knows.
    expect(stderr).toMatch(/^applied {8}003_slow|003_slow, which may be applied, or not/m)
  })
})

test('T42 SIGTERM while COMMIT waits: 143 within 8 s, and the history is true', async () => {
  await withMissingStandby({}, async (db, running) => {
    const begun = performance.now()
    running.kill('SIGTERM')
    const { exitCode, stderr } = await running.ended
    expect(performance.now() - begun).toBeLessThan(8_000)
    expect(exitCode, stderr).toBe(143)
    expect(await db.history()).toContain('migration 003_slow applied')
    expect(stderr).toMatch(/^applied {8}003_slow|003_slow, which may be applied, or not/m)
  })
})
