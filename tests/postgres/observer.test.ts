// Only the silence of our own server process ends a migration: whatever else the second connection meets does not.
import dns from 'node:dns'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { withPostgres } from '../../src/embedded/postgres.ts'
import { type Database, test, until, withDatabase } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { runMain } from '../support/run.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'

/** Statements here take longer than any silence is borne. */
const patience = { silenceMs: 1_500, sameMs: 500, lookMs: 400, betweenLooksMs: 200 }
const sleepS = 7
const env = { UPFRONT_LOCK_TIMEOUT: '1s' }
const files = { '001_slow.sql': `create table a (id int); select pg_sleep(${sleepS})` }

async function up(db: Database, more: Readonly<Record<string, string>> = {}) {
  const begun = performance.now()
  const outcome = await runMain({ argv: ['up'], env: { ...db.env, ...env, ...more }, cwd: db.dir, patience })
  return { ...outcome, tookMs: performance.now() - begun }
}

async function limitedRole(db: Database, attributes: string) {
  const role = await db.role(`login ${attributes}`)
  await db.query(`alter database ${db.name} owner to ${role.user}; grant all on schema public to ${role.user}`)
  return role
}

/** It ran through at the first try. */
function expectUnhurt({ exitCode, stderr, tookMs }: Awaited<ReturnType<typeof up>>, db: Database) {
  expect(exitCode, stderr).toBe(0)
  expect(stderr).not.toMatch(/^disconnected /m)
  expect(tookMs).toBeGreaterThan(sleepS * 1_000)
  return expect(db.tables()).resolves.toEqual(['public.a'])
}

describe.concurrent('a long statement is left alone', { timeout: 60_000 }, () => {
  test('when its role may have one connection only', async ({ db }) => {
    db.files(files)
    const role = await limitedRole(db, 'connection limit 1')
    const outcome = await up(db, { UPFRONT_DATABASE_URL: db.urlOf(role) })
    await expectUnhurt(outcome, db)
    const warned = [...outcome.stderr.matchAll(/^warning +cannot look at 001_slow .*$/gm)]
    expect(warned.map(String)).toEqual([expect.stringContaining('too many connections for role')])
  })

  test('when the password of its role has changed since', async ({ db }) => {
    db.files(files)
    const role = await limitedRole(db, '')
    const running = up(db, { UPFRONT_DATABASE_URL: db.urlOf(role) })
    await until(
      async () => (await db.query(`select from pg_stat_activity where usename = '${role.user}'`)).length > 0,
      'it runs',
    )
    await sleep(300)
    await db.query(`alter role ${role.user} password 'another'`)
    await expectUnhurt(await running, db)
  })

  test('when a later connection comes to another server, which knows nothing of it', async ({ db }) => {
    db.files(files)
    await withPostgres({ password: new URL(db.url).password }, async (other) => {
      await using there = await startProxy(other.port)
      await using here = await startProxy(Number(new URL(db.url).port))
      await using balancer = await startBalancer((n) => (n === 1 ? here.port : there.port))
      await withOtherDatabase(other.url, db.name)
      await expectUnhurt(await up(db, { UPFRONT_DATABASE_URL: db.urlOf(balancer) }), db)
      expect(there.connections()).toBeGreaterThan(0)
    })
  })

  test('when its host can be looked up no more, because the resolver is silent', async ({ db }) => {
    db.files(files)
    const lookup = dns.lookup
    let asked = 0
    const resolve = (host: string, options: dns.LookupOptions, callback: (...answer: unknown[]) => void) => {
      if (host !== 'db.test') return lookup(host, options, callback)
      if ((asked += 1) === 1) callback(null, [{ address: '127.0.0.1', family: 4 }])
    }
    dns.lookup = resolve as unknown as typeof dns.lookup
    try {
      const begun = performance.now()
      const UPFRONT_DATABASE_URL = db.urlOf({ host: 'db.test' })
      // A look has to be longer than a name is looked up.
      const world = { env: { ...db.env, ...env, UPFRONT_DATABASE_URL }, cwd: db.dir }
      const outcome = await runMain({ argv: ['up'], ...world, patience: { ...patience, lookMs: 2_500 } })
      await expectUnhurt({ ...outcome, tookMs: performance.now() - begun }, db)
      expect(outcome.stderr).toMatch(/^running +001_slow/m)
      expect(asked).toBeGreaterThan(1)
    } finally {
      dns.lookup = lookup
    }
  })

  test('when later connections are refused', async ({ db }) => {
    db.files(files)
    const { port } = new URL(db.url)
    await using balancer = await startBalancer((n) => (n === 1 ? Number(port) : undefined))
    await expectUnhurt(await up(db, { UPFRONT_DATABASE_URL: db.urlOf(balancer) }), db)
  })

  test.skipIf(missing !== undefined)('behind a pooler whose only server connection it has', async ({ db }) => {
    db.files(files)
    const { hostname, port, username, password } = new URL(db.url)
    const server = { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
    await withPgBouncer(
      'session',
      server,
      async (port) => expectUnhurt(await up(db, { UPFRONT_DATABASE_URL: db.urlOf({ port }) }), db),
      { default_pool_size: '1' },
    )
  })

  test.skipIf(missing !== undefined)(
    "behind a pooler in session mode, whose process ids are not the server's",
    async ({ db }) => {
      db.files(files)
      const { hostname, port, username, password } = new URL(db.url)
      const server = { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
      await withPgBouncer('session', server, async (port) =>
        expectUnhurt(await up(db, { UPFRONT_DATABASE_URL: db.urlOf({ port }) }), db),
      )
    },
  )

  test('when it locks the catalogs that a login reads', async ({ db }) => {
    // On a server of its own: nobody can log in meanwhile.
    await withPostgres({}, (server) =>
      withDatabase(server.url, async (own) => {
        own.files({
          '001_slow.sql': `create table a (id int); lock table pg_authid, pg_database in access exclusive mode; select pg_sleep(${sleepS})`,
        })
        await expectUnhurt(await up(own), own)
      }),
    )
    expect(await db.history()).toBeNull()
  })

  test('when it is a module whose queries have long pauses in between', async ({ db }) => {
    db.files({
      '001_a.sql': 'create table a (id int)',
      '002_slow.mjs': `export async function up(client) {
        const until = performance.now() + ${sleepS * 1_000}
        while (performance.now() < until) {
          await client.query('insert into a values (1)')
          await new Promise((resolve) => setTimeout(resolve, 2500))
        }
      }`,
    })
    await expectUnhurt(await up(db), db)
  })
})

describe.concurrent('a module that lets the server wait for it is no silence', { timeout: 60_000 }, () => {
  const pause = `await new Promise((resolve) => setTimeout(resolve, 3500))`

  test('in the middle of a COPY', async ({ db }) => {
    db.files({
      '001_copy.mjs': `import copy from '${createRequire(import.meta.url).resolve('pg-copy-streams')}'
        import { Readable } from 'node:stream'
        import { pipeline } from 'node:stream/promises'
        async function* rows() {
          for (let i = 0; i < 3; i += 1) {
            yield i + '\\n'
            ${pause}
          }
        }
        export async function up(client) {
          await client.query('create table a (id int)')
          await pipeline(Readable.from(rows()), client.query(copy.from('copy a from stdin')))
        }`,
    })
    await expectUnhurt(await up(db), db)
    expect(await db.query('select id from a order by id')).toEqual([{ id: 0 }, { id: 1 }, { id: 2 }])
  })

  test('between two reads of a cursor', async ({ db }) => {
    // What pg-cursor sends, without it: a portal of which some rows are taken, and more after a while.
    db.files({
      '001_cursor.mjs': `export async function up(client) {
        await client.query('create table a (id int); insert into a select generate_series(1, 3)')
        let seen = 0
        await new Promise((resolve, reject) => client.query({
          submit: (connection) => {
            connection.parse({ text: 'select id from a' })
            connection.bind({})
            connection.execute({ rows: 1 })
            connection.flush()
          },
          handleRowDescription() {},
          handleDataRow: () => (seen += 1),
          handlePortalSuspended: (connection) => setTimeout(() => {
            connection.execute({ rows: 1 })
            connection.flush()
          }, 2500),
          handleCommandComplete: (message, connection) => connection.sync(),
          handleEmptyQuery() {},
          handleError: reject,
          handleReadyForQuery: resolve,
        }))
        if (seen !== 3) throw new Error('saw ' + seen)
      }`,
    })
    await expectUnhurt(await up(db), db)
  })
})

test('a module that computes without yielding is no silence', { timeout: 60_000 }, async ({ db }) => {
  db.files({
    '001_busy.mjs': `export async function up(client) {
      await client.query('create table a (id int)')
      for (let i = 0; i < 3; i += 1) {
        const asked = client.query('select pg_sleep(0.1)')
        const until = performance.now() + 4000
        while (performance.now() < until);
        await asked
      }
    }`,
  })
  // In a process of its own: it would keep other tests from hearing, too.
  const child = db.spawn(['up'], env)
  const { exitCode, stderr } = await child.ended
  expect(exitCode, stderr).toBe(0)
  expect(stderr).not.toMatch(/^disconnected /m)
})

test(
  'a statement whose answer was lost on the way is given up, while a healthy one of the same length is not',
  { timeout: 60_000 },
  async ({ db }) => {
    db.files({ '001_a.sql': 'create table a (id int); select pg_sleep(0.2)' })
    let struck = false
    await using proxy = await startProxy(Number(new URL(db.url).port), ({ text }) => {
      if (struck || !text.includes('pg_sleep')) return 'forward'
      struck = true
      return 'stall reply'
    })
    const { exitCode, stderr, tookMs } = await up(db, { UPFRONT_DATABASE_URL: db.urlOf(proxy) })
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('the server waits for us and we for it')
    expect(tookMs).toBeLessThan(10_000)
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  },
)

test('the server knows: what Postgres says of itself is enough to tell servers apart, for a role without rights', async ({
  db,
}) => {
  const { readBackend } = await import('../../src/postgres/backend.ts')
  const role = await db.role()
  const client = await db.connect(db.urlOf(role))
  const query = async (sql: string) => (await client.query(sql)).rows as never[]
  const backend = await readBackend({ query } as never)
  expect(backend.server.system).toMatch(/^\d+$/)
  expect(backend.server.timeline).toMatch(/^[0-9A-F]{8}$/)
  expect(backend.since).not.toBeNull()
  await db.query('revoke execute on function pg_control_system() from public')
  const without = await readBackend({ query } as never)
  expect(without).toEqual({ ...backend, server: { ...backend.server, system: null, timeline: null } })
})

/** Sends the connection number n on to a port, or refuses it. */
async function startBalancer(portOf: (n: number) => number | undefined) {
  const net = await import('node:net')
  const sockets = new Set<import('node:net').Socket>()
  let n = 0
  const listener = net.createServer((client) => {
    const port = portOf((n += 1))
    if (port === undefined) return void client.resetAndDestroy()
    const server = net.connect(port, '127.0.0.1')
    const end = () => (client.destroy(), server.destroy())
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
    }
    client.pipe(server).pipe(client)
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

/** A database of the same name on another server. */
async function withOtherDatabase(url: string, name: string) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
}
