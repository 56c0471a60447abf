// Behind a real PgBouncer, in each of its modes.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject } from 'vitest'
import { type Database, test, withDatabase } from '../support/database.ts'
import { type PoolMode, missing, withPgBouncer } from './harness/pgbouncer.ts'
import { small } from './harness/scenarios/index.ts'
import { withServer } from './harness/server.ts'
import { scenarioEnv } from './harness/trial.ts'

const server = () => {
  const { hostname, port, username, password } = new URL(inject('postgresUrl'))
  return { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
}

async function upThrough(mode: PoolMode, db: Database, env = {}) {
  let outcome: Awaited<ReturnType<Database['up']>> | undefined
  let locks: unknown
  await withPgBouncer(mode, server(), async (port) => {
    outcome = await db.up([], { ...scenarioEnv(small), UPFRONT_DATABASE_URL: db.urlOf({ port }), ...env })
    // The pooler still has its connections to the server: a lock that one of them kept would be seen here.
    locks = await db.query(`select pid from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`)
  })
  return { ...outcome!, locks }
}

describe.skipIf(missing !== undefined)('PgBouncer', () => {
  test('T25 transaction pooling: exit 25 before anything is written, and no lock stays behind', async ({ db }) => {
    const { exitCode, stderr, locks } = await upThrough('transaction', db)
    expect(exitCode, stderr).toBe(25)
    expect(stderr).toContain('connection pooler in transaction mode')
    expect(stderr).toContain('UPFRONT_DATABASE_URL')
    expect(locks).toEqual([])
    expect(await db.history()).toBeNull()
    expect(await db.tables()).toEqual([])
  })

  test('T25 transaction pooling with one server connection, which makes a second session wait', async ({ db }) => {
    let exit = -1
    let log = ''
    await withPgBouncer(
      'transaction',
      server(),
      async (port) => {
        const { exitCode, stderr } = await db.up([], {
          ...scenarioEnv(small),
          UPFRONT_DATABASE_URL: db.urlOf({ port }),
        })
        ;[exit, log] = [exitCode, stderr]
      },
      { default_pool_size: '1' },
    )
    expect(exit, log).toBe(25)
    expect(await db.history()).toBeNull()
  })

  test('T27 session pooling: exit 0, because nothing is sent as a startup parameter', async ({ db }) => {
    const { exitCode, stderr, applied } = await upThrough('session', db)
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(Object.keys(small.migrations).map((name) => name.replace('.sql', '')))
    expect(await db.query('select count(*)::int as rows from ledger')).toEqual([{ rows: 8 }])
  })

  test('T27 session pooling: the session goes back without our lock and our settings', async ({ db }) => {
    await withPgBouncer('session', server(), async (port) => {
      const env = { ...scenarioEnv(small), UPFRONT_DATABASE_URL: db.urlOf({ port }) }
      expect((await db.up([], env)).exitCode).toBe(0)
      expect((await db.up([], env)).exitCode).toBe(0)
      const next = await db.connect(db.urlOf({ port }))
      const { rows } = await next.query('show lock_timeout')
      expect(rows).toEqual([{ lock_timeout: '0' }])
      await next.end()
    })
  })

  test('T28 statement pooling: exit 25, nothing written', async ({ db }) => {
    const { exitCode, stderr, locks } = await upThrough('statement', db)
    expect(exitCode, stderr).toBe(25)
    expect(locks).toEqual([])
    expect(await db.history()).toBeNull()
  })

  test('T19 the pooler is up and the server comes after 3 s: waited for, exit 0', async () => {
    await withServer({}, async (own) => {
      await own.halt()
      await withPgBouncer('session', own, async (port) => {
        const booted = sleep(3_000).then(() => own.boot())
        // The database of the test is on another server; this one is asked for its own.
        await withDatabase(inject('postgresUrl'), async (db) => {
          const url = new URL(own.url)
          url.port = String(port)
          // PgBouncer takes the client in and keeps it until its server is there.
          const begun = performance.now()
          const { exitCode, stderr } = await db.up([], { ...scenarioEnv(small), UPFRONT_DATABASE_URL: url.href })
          expect(exitCode, stderr).toBe(0)
          expect(performance.now() - begun).toBeGreaterThan(2_500)
        })
        await booted
      })
    })
  })

  test('T73 a pooler that ends idle transactions: not applied, and it is said who did it', async ({ db }) => {
    db.files({
      '001_a.sql': 'create table a (id int)',
      '002_slow.mjs': `export async function up(client) {
        await client.query('create table b (id int)')
        await new Promise((resolve) => setTimeout(resolve, 3000))
        await client.query('create table c (id int)')
      }`,
    })
    await withPgBouncer(
      'session',
      server(),
      async (port) => {
        const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ port }) })
        expect(exitCode, stderr).toBe(22)
        expect(stderr).toContain('idle transaction timeout')
        expect(stderr).toMatch(/next: ./)
        expect(await db.tables()).toEqual(['public.a'])
      },
      { idle_transaction_timeout: '1' },
    )
  })
})
