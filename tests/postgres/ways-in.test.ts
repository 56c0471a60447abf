// The ways to a server: sockets, addresses of both kinds, and several hosts of which some are dead.
import net from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server, startPostgres } from '../../src/embedded/postgres.ts'
import { type Database, withDatabase } from '../support/database.ts'
import { startListener } from '../support/proxy.ts'

const files = { '001_schema.sql': 'create schema app' }
const majorDir = process.env.TEST_POSTGRES_DIR
const hasIPv6 = await new Promise<boolean>((resolve) => {
  const probe = net.createServer().once('error', () => resolve(false))
  probe.listen(0, '::1', () => probe.close(() => resolve(true)))
})

let server: Server
let abstract: string

beforeAll(async () => {
  const hba = 'host all all ::1/128 scram-sha-256'
  server = await startPostgres({ hba, ...(majorDir ? { majorDir } : {}) })
  abstract = `@upfront-${server.port}`
  const sockets = [server.socketDir, ...(process.platform === 'linux' ? [abstract] : [])].join(',')
  const listen_addresses = hasIPv6 ? '127.0.0.1,::1' : '127.0.0.1'
  await server.restart('fast', { unix_socket_directories: sockets, listen_addresses })
})
afterAll(() => server.stop('immediate'))

async function upBy(at: (db: Database) => Record<string, string>): Promise<Awaited<ReturnType<Database['up']>>> {
  let outcome: Awaited<ReturnType<Database['up']>> | undefined
  await withDatabase(server.url, async (db) => {
    db.files(files)
    const login = { PGUSER: server.user, PGPASSWORD: server.password, PGDATABASE: db.name }
    outcome = await db.up([], { UPFRONT_DATABASE_URL: undefined, ...login, PGPORT: String(server.port), ...at(db) })
  })
  return outcome!
}

const login = () => `${server.user}:${server.password}`
const url = (text: string) => ({ UPFRONT_DATABASE_URL: text })

const sockets: readonly [string, (db: Database) => Record<string, string>][] = [
  ['?host=/directory', (db) => url(`postgres://${login()}@/${db.name}?host=${server.socketDir}&port=${server.port}`)],
  [
    '%2Fdirectory',
    (db) => url(`postgres://${login()}@${encodeURIComponent(server.socketDir!)}:${server.port}/${db.name}`),
  ],
  ['PGHOST=/directory', () => ({ PGHOST: server.socketDir! })],
  [
    'sslmode=verify-full, which a socket has no use for',
    (db) => url(`postgres://${login()}@/${db.name}?host=${server.socketDir}&port=${server.port}&sslmode=verify-full`),
  ],
]

test.for(sockets)('a socket by %s: exit 0', async ([, at]) => {
  const { exitCode, stderr } = await upBy(at)
  expect(exitCode, stderr).toBe(0)
})

test.skipIf(process.platform !== 'linux')('an abstract socket: exit 0', async () => {
  for (const at of [
    () => ({ PGHOST: abstract }),
    (db: Database) => url(`postgres://${login()}@/${db.name}?host=${abstract}&port=${server.port}`),
  ]) {
    const { exitCode, stderr } = await upBy(at)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain(`on ${abstract}:${server.port}`)
  }
})

test('a socket that is not there is waited for, and named', async () => {
  const { exitCode, stderr } = await upBy((db) => ({ PGHOST: db.dir, UPFRONT_WAIT_TIMEOUT: '300ms' }))
  expect(exitCode, stderr).toBe(30)
  expect(stderr).toContain(join('.s.PGSQL.'))
})

test.skipIf(!hasIPv6)('an IPv6 address, with and without a zone: exit 0', async () => {
  for (const at of [
    (db: Database) => url(`postgres://${login()}@[::1]:${server.port}/${db.name}`),
    (db: Database) => url(`postgres://${login()}@[::1%25lo]:${server.port}/${db.name}`),
    () => ({ PGHOST: '::1' }),
  ]) {
    const { exitCode, stderr } = await upBy(at)
    expect(exitCode, stderr).toBe(0)
  }
})

test('hostaddr is where it connects, and the host stays the name', async () => {
  for (const at of [
    (db: Database) => url(`postgres://${login()}@db.example:${server.port}/${db.name}?hostaddr=127.0.0.1`),
    () => ({ PGHOST: 'db.example', PGHOSTADDR: '127.0.0.1' }),
    () => ({ PGHOSTADDR: '127.0.0.1' }),
  ]) {
    const { exitCode, stderr } = await upBy(at)
    expect(exitCode, stderr).toBe(0)
  }
})

test('a first host that swallows everything leaves time for the second, however short the wait is', async () => {
  await using hole = await startListener()
  for (const [timeout, query] of [
    ['2s', ''],
    ['4s', '&connect_timeout=30'],
  ] as const) {
    const begun = performance.now()
    const { exitCode, stderr } = await upBy((db) => ({
      UPFRONT_WAIT_TIMEOUT: timeout,
      ...url(`postgres://${login()}@127.0.0.1:${hole.port},127.0.0.1:${server.port}/${db.name}?${query}`),
    }))
    expect(exitCode, stderr).toBe(0)
    expect(performance.now() - begun).toBeLessThan(4_000)
  }
})

test('UPFRONT_WAIT_TIMEOUT is one total over all hosts and both ways of sslmode', async () => {
  await using one = await startListener()
  await using two = await startListener()
  await using three = await startListener()
  const hosts = [one, two, three].map(({ port }) => `127.0.0.1:${port}`).join(',')
  for (const query of ['', 'sslmode=allow', 'connect_timeout=10']) {
    const begun = performance.now()
    const { exitCode, stderr } = await upBy((db) => ({
      UPFRONT_WAIT_TIMEOUT: '1500ms',
      ...url(`postgres://${login()}@${hosts}/${db.name}?${query}`),
    }))
    expect(exitCode, stderr).toBe(30)
    expect(performance.now() - begun).toBeLessThan(2_500)
  }
})
