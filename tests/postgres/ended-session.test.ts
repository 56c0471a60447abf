// Sessions that are ended on purpose, and servers that change under the lock.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { withPostgres } from '../../src/embedded/postgres.ts'
import { type Database, test, until, withDatabase } from '../support/database.ts'
import { type Fate, startProxy } from '../support/proxy.ts'

const sleeping = {
  '001_a.sql': 'create table a (id int)',
  '002_slow.sql': 'create table b (id int); select pg_sleep(20)',
}

/** Ends our session whenever it sleeps; answers how often that was, and ends its own work when told. */
function killer(db: Database, often: number) {
  let ended = 0
  const over = new AbortController()
  const work = async () => {
    while (!over.signal.aborted && ended < often) {
      const rows = await db.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event = 'PgSleep'`)
      ended += rows.length
      await sleep(100)
    }
  }
  const done = work()
  return async () => {
    over.abort()
    await done
    return ended
  }
}

test('a session that is ended once is a lost connection: tried once more, exit 0', async ({ db }) => {
  db.files({ ...sleeping, '002_slow.sql': 'create table b (id int); select pg_sleep(1)' })
  const stop = killer(db, 1)
  const { exitCode, stderr } = await db.up()
  expect(await stop()).toBe(1)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('terminating connection due to administrator command')
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
})

test('a session that is ended again, while the server goes on, is not wanted: 32 after one more try', async ({
  db,
}) => {
  db.files(sleeping)
  const stop = killer(db, Infinity)
  const { exitCode, stderr } = await db.up()
  expect(await stop()).toBe(2)
  expect(exitCode, stderr).toBe(32)
  expect(stderr).toContain('somebody has ended our session twice')
  expect(stderr).toContain('57P01')
  expect(stderr).toMatch(/next: Ask who ended it/)
  expect(await db.tables()).toEqual(['public.a'])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('sessions that end with their server, twice, are tried again', { timeout: 60_000 }, async () => {
  await withPostgres({}, (server) =>
    withDatabase(server.url, async (db) => {
      db.files({ '001_slow.sql': 'create table b (id int); select pg_sleep(2)' })
      const running = db.spawn(['up'])
      for (let i = 0; i < 2; i += 1) {
        const witness = await db.connect()
        await until(async () => {
          const { rows } = await witness.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)
          return rows.length === 1
        }, 'it sleeps')
        await server.restart('fast')
      }
      const { exitCode, stderr } = await running.ended
      expect(exitCode, stderr).toBe(0)
    }),
  )
})

test(
  'a server that takes no writes any more when the lock is had: 25 with its words, no bug of ours',
  { timeout: 60_000 },
  async () => {
    await withPostgres({}, (server) =>
      withDatabase(server.url, async (db) => {
        db.files({ '001_a.sql': 'create table a (id int)' })
        const set = async (value: 'on' | 'off') => {
          await db.query(`alter system set default_transaction_read_only = ${value}`)
          await db.query('select pg_reload_conf()')
          await sleep(300)
        }
        const run = async (mendAfterMs?: number) => {
          let locked = false
          await using proxy = await startProxy(Number(new URL(db.url).port), async ({ text }): Promise<Fate> => {
            if (locked || !text.includes('pg_try_advisory_lock')) return 'forward'
            locked = true
            await set('on')
            if (mendAfterMs !== undefined) void sleep(mendAfterMs).then(() => set('off'))
            return 'forward'
          })
          return await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(proxy), UPFRONT_AUTH_GRACE: '2s' })
        }
        const refused = await run()
        expect(refused.exitCode, refused.stderr).toBe(25)
        expect(refused.stderr).toContain('read only')
        expect(refused.stderr).toMatch(/^disconnected /m)
        await set('off')
        const mended = await run(200)
        expect(mended.exitCode, mended.stderr).toBe(0)
      }),
    )
  },
)

test('a failover seen when the lock is had: the promotion is waited for', { timeout: 60_000 }, async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  let isStandby = 0
  // The question goes to the server as it would be answered by one that is a standby now.
  await using proxy = await startRewriter(Number(new URL(db.url).port), (text) => {
    if (!text.includes('pg_catalog.pg_is_in_recovery() as standby')) return text
    isStandby += 1
    const asked = 'pg_catalog.pg_is_in_recovery()'
    return isStandby === 2 ? text.replace(asked, 'true'.padEnd(asked.length)) : text
  })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(proxy) })
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/^disconnected +the server is a standby/m)
  expect(isStandby).toBeGreaterThan(2)
})

/** A proxy that changes the text of messages, as long as their length stays what it was. */
async function startRewriter(serverPort: number, change: (text: string) => string) {
  const net = await import('node:net')
  const sockets = new Set<import('node:net').Socket>()
  const listener = net.createServer((client) => {
    const server = net.connect(serverPort, '127.0.0.1')
    const end = () => (client.destroy(), server.destroy())
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    client.on('data', (bytes) => void server.write(Buffer.from(change(bytes.toString('latin1')), 'latin1')))
    server.pipe(client)
  })
  await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as import('node:net').AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
