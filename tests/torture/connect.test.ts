// Getting a connection, where the way to it is broken.
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject } from 'vitest'
import { type Database, test, until, withDatabase } from '../support/database.ts'
import { startListener } from '../support/proxy.ts'
import { type Answer, withDns, withoutDns } from './harness/dns.ts'
import { freePort } from './harness/ports.ts'
import { startProgram } from './harness/program.ts'
import { withServer } from './harness/server.ts'

const files = { '001_users.sql': 'create table users (id int)' }
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1)

describe.skipIf(withoutDns !== undefined)('a name server', () => {
  /** A run against a host whose name means, after so many seconds, something else than before. */
  async function upByName(db: Database, before: Answer, after: Answer, afterMs: number, waitTimeout = '15s') {
    db.files(files)
    const begun = performance.now()
    const answer = () => (performance.now() - begun < afterMs ? before : after)
    return withDns(db.dir, answer, async (prefix) => {
      const env = {
        ...db.env,
        UPFRONT_DATABASE_URL: db.urlOf({ host: 'db.example' }),
        UPFRONT_WAIT_TIMEOUT: waitTimeout,
      }
      const { exitCode, stderr } = await startProgram(inject('program'), { env, cwd: db.dir, prefix }).ended
      return { exitCode, stderr, tookMs: performance.now() - begun }
    })
  }

  test('that knows the name only after 2 s: waited for, exit 0', async ({ db }) => {
    const { exitCode, stderr, tookMs } = await upByName(db, 'NXDOMAIN', ['127.0.0.1'], 2_000)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toMatch(/^waiting .*ENOTFOUND/m)
    expect(tookMs).toBeGreaterThan(2_000)
  })

  test('that never knows it: exit 30, and the host name is doubted', async ({ db }) => {
    const { exitCode, stderr } = await upByName(db, 'NXDOMAIN', 'NXDOMAIN', 0, '1s')
    expect(exitCode, stderr).toBe(30)
    expect(stderr).toContain('ENOTFOUND')
    expect(stderr).toMatch(/next: .*host name/)
  })

  test('that cannot say for 2 s: waited for, exit 0', async ({ db }) => {
    const { exitCode, stderr } = await upByName(db, 'SERVFAIL', ['127.0.0.1'], 2_000)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toMatch(/^waiting .*EAI_AGAIN/m)
  })

  test('that names a dead IPv6 address and a living IPv4 one: exit 0', async ({ db }) => {
    const { exitCode, stderr } = await upByName(db, ['::1', '127.0.0.1'], ['::1', '127.0.0.1'], 0)
    expect(exitCode, stderr).toBe(0)
  })

  test('that names dead addresses only: exit 30, with a reason', async ({ db }) => {
    const { exitCode, stderr } = await upByName(db, ['::1', '127.0.0.9'], ['::1', '127.0.0.9'], 0, '1s')
    expect(exitCode, stderr).toBe(30)
    expect(stderr).toMatch(/reason: .*ECONNREFUSED/)
  })
})

test('a socket shared with the temporary server of a first start: exit 0, everything once', async () => {
  await withServer({}, (server) =>
    withDatabase(server.url, async (db) => {
      await server.restart('fast', { listen_addresses: '' })
      db.files({
        '001_users.sql': 'create table users (id int); select pg_sleep(1)',
        '002_more.sql': 'insert into users values (1)',
      })
      const url = new URL(db.url)
      const env = {
        UPFRONT_DATABASE_URL: `postgres://${url.username}:${url.password}@/${db.name}?host=${server.socketDir!}&port=${server.port}`,
      }
      const running = startProgram(inject('program'), { env: { ...db.env, ...env }, cwd: db.dir })
      await sleep(700)
      // As docker-entrypoint.sh does it when its scripts have run.
      await server.halt('fast')
      await server.boot({ listen_addresses: '127.0.0.1' })
      const { exitCode, stderr } = await running.ended
      expect(exitCode, stderr).toBe(0)
      expect(await db.query('select id from users')).toEqual([{ id: 1 }])
      expect(await db.history()).toEqual(['migration 001_users applied', 'migration 002_more applied'])
    }),
  )
})

test('unknown, expired and shut out roles: exit 24 within the grace, one line each, no password shown', async () => {
  await withServer({ hba: 'host all shut_out all reject' }, (server) =>
    withDatabase(server.url, async (db) => {
      db.files(files)
      await db.query(`create role shut_out login password 'pass-shut-out'`)
      await db.query(`create role expired login password 'pass-expired' valid until '2001-01-01'`)
      for (const user of ['unknown', 'expired', 'shut_out']) {
        const password = `pass-${user.replace('_', '-')}`
        const begun = performance.now()
        const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) })
        expect(exitCode, stderr).toBe(24)
        expect(performance.now() - begun).toBeLessThan(8_000)
        expect(stderr).not.toContain(password)
        expect((stderr.match(/^waiting /gm) ?? []).length).toBeLessThanOrEqual(1)
        expect(lastLine(stderr)).toMatch(/^failed +24 DENIED/)
      }
    }),
  )
})

test('too many connections for ever: exit 30, in the words of the server', async ({ db }) => {
  db.files(files)
  const role = await db.role('login connection limit 0')
  const { exitCode, stderr } = await db.up(['--wait-timeout', '1s'], { UPFRONT_DATABASE_URL: db.urlOf(role) })
  expect(exitCode, stderr).toBe(30)
  expect(stderr).toContain('too many connections')
})

test('a database that is read only and no standby: exit 25 when the grace is over, nothing written', async ({ db }) => {
  db.files(files)
  await db.query(`alter database ${db.name} set default_transaction_read_only = on`)
  const begun = performance.now()
  const { exitCode, stderr } = await db.up([], { UPFRONT_AUTH_GRACE: '300ms' })
  expect(exitCode, stderr).toBe(25)
  expect(performance.now() - begun).toBeLessThan(5_000)
  expect(stderr).toContain('default_transaction_read_only')
  expect(await db.history()).toBeNull()
})

test('a server that says it is version 13, as CockroachDB does: exit 25, nothing written', async ({ db }) => {
  db.files(files)
  // The real server but for two digits of its greeting.
  await using old = await startListener((client) => {
    const server = net.connect(Number(new URL(db.url).port), '127.0.0.1')
    client.pipe(server)
    server.on('data', (bytes) => {
      const at = bytes.indexOf('server_version\0')
      if (at !== -1) bytes.write('13', at + 'server_version\0'.length)
      client.write(bytes)
    })
    for (const one of [client, server])
      one.on('error', () => {}).on('close', () => (client.destroy(), server.destroy()))
  })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(old) })
  expect(exitCode, stderr).toBe(25)
  expect(stderr).toContain('version 13')
  expect(await db.history()).toBeNull()
})

test('a proxy beside us that comes 3 s late: waited for, exit 0', async ({ db }) => {
  db.files(files)
  const port = await freePort()
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: db.urlOf({ port }) })
  await running.says('waiting')
  await sleep(3_000)
  const proxy = net.createServer((client) => {
    const server = net.connect(Number(new URL(db.url).port), '127.0.0.1')
    client.on('error', () => {}).pipe(server)
    server.on('error', () => {}).pipe(client)
  })
  proxy.listen(port, '127.0.0.1')
  await once(proxy, 'listening')
  const { exitCode, stderr } = await running.ended
  proxy.close()
  expect(exitCode, stderr).toBe(0)
  await until(async () => (await db.leftovers()).sessions === 0, 'nobody is left')
})
