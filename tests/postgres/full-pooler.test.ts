// A pooler whose places are all taken.
import { describe, expect, inject } from 'vitest'
import { test } from '../support/database.ts'
import { fatal, startFakeServer } from '../support/fake-server.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'

const { hostname, port: serverPort, username, password } = new URL(inject('postgresUrl'))
const server = { host: hostname, port: Number(serverPort), user: username, password: decodeURIComponent(password) }
const files = { '001_users.sql': 'create table users (id int)' }

describe.skipIf(missing !== undefined)('PgBouncer in session mode', () => {
  const full: readonly [string, Record<string, string>, string][] = [
    ['a pool of one that another has', { default_pool_size: '1' }, 'reason: '],
    ['no place for another client', { max_client_conn: '1' }, 'no more connections allowed (max_client_conn)'],
    [
      'a pooler that says itself that it took too long',
      { default_pool_size: '1', query_wait_timeout: '1' },
      '08P01: query_wait_timeout',
    ],
  ]

  test.for(full)('%s: exit 30 within the wait timeout', { timeout: 60_000 }, async ([, options, reason], { db }) => {
    db.files(files)
    const through = async (port: number) => {
      const other = await db.connect(db.urlOf({ port }))
      await other.query('select 1')
      for (const command of ['up', 'wait', 'status', 'plan']) {
        const begun = performance.now()
        const env = { UPFRONT_DATABASE_URL: db.urlOf({ port }), UPFRONT_WAIT_TIMEOUT: '4s' }
        const { exitCode, stderr } = await db.run([command], env)
        expect(exitCode, `${command}: ${stderr}`).toBe(30)
        expect(stderr).toContain(reason)
        expect(performance.now() - begun).toBeLessThan(6_000)
      }
    }
    await withPgBouncer('session', server, through, options)
  })
})

// Hosted poolers, which cannot be had here: their words.
const words: readonly [string, string, string][] = [
  [
    'Supavisor',
    'XX000',
    'MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size',
  ],
  [
    'Supavisor',
    'XX000',
    '(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15',
  ],
  ['Supavisor', 'XX000', '(EMAXCONN) max client connections reached, limit: 200'],
  ['Supavisor', 'XX000', 'Max client connections reached'],
  ['pgcat', '58000', 'could not get connection from the pool - AllServersDown'],
  ['RDS Proxy', '53300', 'Timed-out waiting to acquire database connection'],
  ['RDS Proxy', '28000', 'request to borrow a connection from the pool timed out'],
  ['Odyssey', '53300', 'too many tcp connections (global client_max 100)'],
  ['pgpool', '53300', 'sorry, too many clients already'],
  ['PgBouncer', '08P01', 'no more connections allowed (max_client_conn)'],
]

test.for(words)('%s that is full (%s, "%s") is waited for: exit 30', async ([, sqlstate, text], { db }) => {
  db.files(files)
  await using pooler = await startFakeServer(fatal(sqlstate, text))
  const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: pooler.port }), UPFRONT_WAIT_TIMEOUT: '700ms' }
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(30)
  expect(stderr).toContain(text)
  expect(stderr).toMatch(/next: ./)
})
