import * as fs from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server, startPostgres } from '../../src/embedded/postgres.ts'
import { makeAuthority } from '../support/certificate.ts'
import { type Database, test as plainTest, until, withDatabase } from '../support/database.ts'
import { startListener } from '../support/proxy.ts'
import { interruption } from '../support/run.ts'

const authority = makeAuthority('The authority')
const stranger = makeAuthority('Somebody else')
const certificate = authority.issue('the server', ['127.0.0.1', 'db.example'])
const files = { '001_users.sql': 'create table users (id int)' }
const encrypted = `create table seen as select ssl from pg_stat_ssl where pid = pg_backend_pid()`

let server: Server

beforeAll(async () => {
  server = await startPostgres({
    settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl_ca_file: 'ca.crt' },
    files: { 'server.crt': certificate.cert, 'server.key': certificate.key, 'ca.crt': authority.cert },
    hba: [
      'hostssl all tls_only all scram-sha-256',
      'hostnossl all tls_only all reject',
      'hostnossl all plain_only all scram-sha-256',
      'hostssl all plain_only all reject',
      'hostssl all by_certificate all cert',
    ].join('\n'),
  })
})
afterAll(() => server.stop('immediate'))

/** `up` with these parameters of the connection, against the server with TLS. */
async function upWith(parameters: string, use: (run: Awaited<ReturnType<Database['up']>>, db: Database) => unknown) {
  await withDatabase(server.url, async (db) => {
    db.files({ '001_seen.sql': encrypted })
    fs.writeFileSync(join(db.dir, 'none.crl'), authority.revoke([]))
    fs.writeFileSync(join(db.dir, 'this.crl'), authority.revoke([certificate]))
    for (const [name, { cert, key }] of Object.entries({ authority, stranger, client })) {
      fs.writeFileSync(join(db.dir, `${name}.crt`), cert)
      fs.writeFileSync(join(db.dir, `${name}.key`), key)
    }
    const url = `${db.url}?${parameters}`
    await use(await db.up(['--auth-grace', '10s'], { UPFRONT_DATABASE_URL: url }), db)
  })
}

const client = authority.issue('by_certificate')

const good: readonly [string, boolean][] = [
  ['sslmode=disable', false],
  ['sslmode=allow', false],
  ['', true],
  ['sslmode=prefer', true],
  ['sslmode=require', true],
  ['sslmode=no-verify', true],
  ['sslmode=require&sslrootcert=authority.crt', true],
  ['sslmode=verify-ca&sslrootcert=authority.crt', true],
  ['sslmode=verify-full&sslrootcert=authority.crt', true],
  ['sslmode=verify-full&sslrootcert=authority.crt&sslcrl=none.crl', true],
  ['sslaccept=strict&sslrootcert=authority.crt', true],
  ['sslmode=require&ssl_min_protocol_version=TLSv1.3', true],
  ['sslmode=require&ssl_max_protocol_version=TLSv1.2', true],
  ['sslmode=require&sslsni=0', true],
]

test.for(good)('a server with TLS, "%s": exit 0, encrypted: %s', async ([parameters, ssl]) => {
  await upWith(parameters, async ({ exitCode, stderr }, db) => {
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select ssl from seen')).toEqual([{ ssl }])
  })
})

test('sslnegotiation=direct: TLS without asking first, with the host verified', async () => {
  const query = 'sslmode=verify-full&sslrootcert=authority.crt&sslnegotiation=direct&channel_binding=require'
  await upWith(query, async ({ exitCode, stderr }, db) => {
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select ssl from seen')).toEqual([{ ssl: true }])
  })
})

test('with hostaddr the certificate is that of the host: verify-full', async () => {
  await withDatabase(server.url, async (db) => {
    db.files(files)
    fs.writeFileSync(join(db.dir, 'authority.crt'), authority.cert)
    const url = (host: string) =>
      `${db.urlOf({ host })}?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=authority.crt`
    expect((await db.up([], { UPFRONT_DATABASE_URL: url('db.example') })).exitCode).toBe(0)
    const other = await db.up([], { UPFRONT_DATABASE_URL: url('other.example') })
    expect([other.exitCode, other.stderr]).toEqual([24, expect.stringContaining('other.example')])
  })
})

plainTest('sslnegotiation=direct on a server that cannot: exit 30 or 24, and what it needs', async ({ db }) => {
  db.files(files)
  const url = `${db.url}?sslmode=require&sslnegotiation=direct`
  const { exitCode, stderr } = await db.up(['--wait-timeout', '500ms'], { UPFRONT_DATABASE_URL: url })
  expect([24, 30], stderr).toContain(exitCode)
  expect(stderr).toContain('only Postgres 17 and newer know it')
})

test('a certificate that was revoked (sslcrl): exit 24 at once', async () => {
  await upWith('sslmode=verify-ca&sslrootcert=authority.crt&sslcrl=this.crl', ({ exitCode, stderr }) => {
    expect(exitCode, stderr).toBe(24)
    expect(stderr).toContain('certificate revoked')
  })
  await upWith('sslmode=verify-ca&sslrootcert=authority.crt&sslcrl=missing.crl', ({ exitCode, stderr }) => {
    expect(exitCode, stderr).toBe(2)
    expect(stderr).toContain('sslcrl: cannot read')
  })
})

test('a client certificate that is asked for and not given: exit 24, and how to give it', async () => {
  await withDatabase(server.url, async (db) => {
    db.files(files)
    await db.query('create role by_certificate login')
    try {
      const url = `${db.urlOf({ user: 'by_certificate' })}?sslmode=require`
      const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: url })
      expect(exitCode, stderr).toBe(24)
      expect(stderr).toContain('sslcert and sslkey')

      const other = stranger.issue('by_certificate')
      fs.writeFileSync(join(db.dir, 'other.crt'), other.cert)
      fs.writeFileSync(join(db.dir, 'other.key'), other.key)
      const env = { UPFRONT_DATABASE_URL: `${url}&sslcert=other.crt&sslkey=other.key` }
      const wrong = await db.up([], env)
      expect(wrong.exitCode, wrong.stderr).toBe(24)
      expect(wrong.stderr).toContain('check sslcert and sslkey')
    } finally {
      await db.query('drop role by_certificate')
    }
  })
})

const bad = [
  'sslmode=verify-full&sslrootcert=stranger.crt',
  'sslmode=verify-ca&sslrootcert=stranger.crt',
  'sslmode=require&sslrootcert=stranger.crt',
  'sslmode=verify-full',
]

test.for(bad)('a certificate that cannot be verified, "%s": exit 24 at once', async (parameters) => {
  const begun = performance.now()
  await upWith(parameters, async ({ exitCode, stderr }, db) => {
    expect(performance.now() - begun).toBeLessThan(3_000)
    expect(exitCode, stderr).toBe(24)
    expect(stderr).toMatch(/reason: .*(certificate|CERT)/i)
    expect(stderr).toContain('sslrootcert')
    expect(stderr).not.toMatch(/^waiting /m)
    expect(await db.tables()).toEqual([])
  })
})

test('a certificate for another host: verify-full is exit 24 and names it, verify-ca is content', async () => {
  await withDatabase(server.url, async (db) => {
    db.files(files)
    fs.writeFileSync(join(db.dir, 'authority.crt'), authority.cert)
    const url = (mode: string) => `${db.urlOf({ host: 'localhost' })}?sslmode=${mode}&sslrootcert=authority.crt`

    const full = await db.up([], { UPFRONT_DATABASE_URL: url('verify-full') })
    expect(full.exitCode).toBe(24)
    expect(full.stderr).toContain('localhost')
    expect(full.stderr).toContain('host name')

    expect((await db.up([], { UPFRONT_DATABASE_URL: url('verify-ca') })).exitCode).toBe(0)
  })
})

test('a root certificate that cannot be read is exit 2 and named', async () => {
  await upWith('sslmode=verify-full&sslrootcert=missing.crt', ({ exitCode, stderr }) => {
    expect(exitCode).toBe(2)
    expect(stderr).toContain('sslrootcert: cannot read')
    expect(stderr).toContain('missing.crt')
  })
})

test('a file that is no certificate is exit 2 or 24, not a bug of ours', async () => {
  await upWith('sslmode=verify-full&sslrootcert=authority.key', ({ exitCode, stderr }) => {
    expect([2, 24], stderr).toContain(exitCode)
  })
})

test('a client certificate opens the door', async () => {
  await withDatabase(server.url, async (db) => {
    db.files({ '001_schema.sql': 'create schema app' })
    await db.query(`create role by_certificate login; grant create on database ${db.name} to by_certificate`)
    try {
      fs.writeFileSync(join(db.dir, 'client.crt'), client.cert)
      fs.writeFileSync(join(db.dir, 'client.key'), client.key)
      const url = `${db.urlOf({ user: 'by_certificate' })}?sslmode=require&sslcert=client.crt&sslkey=client.key`
      const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: url })
      expect(exitCode, stderr).toBe(0)
    } finally {
      await db.query('drop owned by by_certificate cascade; drop role by_certificate')
    }
  })
})

const doors = [
  ['tls_only', 'prefer', 0],
  ['tls_only', 'allow', 0],
  ['tls_only', 'disable', 24],
  ['plain_only', 'prefer', 0],
  ['plain_only', 'allow', 0],
  ['plain_only', 'require', 24],
] as const

test.for(doors)('a role that is let in as %s, with sslmode=%s: exit %i', async ([role, mode, exit]) => {
  await withDatabase(server.url, async (db) => {
    db.files({ '001_schema.sql': 'create schema app' })
    await db.query(`create role ${role} login password 'pass-word'; grant create on database ${db.name} to ${role}`)
    try {
      const url = `${db.urlOf({ user: role, password: 'pass-word' })}?sslmode=${mode}`
      const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: url })
      expect(exitCode, stderr).toBe(exit)
      if (role === 'tls_only' && exit !== 0) expect(stderr).toContain('sslmode=require')
    } finally {
      await db.query(`drop owned by ${role} cascade; drop role ${role}`)
    }
  })
})

test('a byte that is changed on the way is a lost connection, whose outcome is read from the history', async () => {
  await withDatabase(server.url, async (db) => {
    db.files({ '001_a.sql': 'create table a (id int); select pg_sleep(0.7)' })
    let isChanged = false
    await using middle = await startListener((near) => {
      const far = net.connect(server.port, '127.0.0.1')
      const begun = performance.now()
      far.on('error', () => near.destroy()).on('close', () => near.destroy())
      near.on('close', () => far.destroy()).on('data', (bytes) => far.write(bytes))
      far.on('data', (bytes) => {
        // The answer to the migration is the first that takes so long.
        if (!isChanged && performance.now() - begun > 600) {
          isChanged = true
          bytes[bytes.length - 1]! ^= 1
        }
        near.write(bytes)
      })
    })
    const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: `${db.urlOf(middle)}?sslmode=require` })
    expect(exitCode, stderr).toBe(0)
    expect(isChanged).toBe(true)
    expect(stderr).toMatch(/^disconnected .*decryption failed/m)
    expect(await db.tables()).toEqual(['public.a'])
  })
})

test('the request to cancel goes through TLS too', async () => {
  await withDatabase(server.url, async (db) => {
    db.files({ '001_slow.sql': 'select pg_sleep(60)' })
    const abort = new AbortController()
    const env = { UPFRONT_DATABASE_URL: `${db.url}?sslmode=require` }
    const running = db.up([], env, abort.signal)
    const asleep = `select from pg_stat_activity where wait_event = 'PgSleep'`
    await until(async () => (await db.query(asleep)).length === 1, 'it sleeps')
    const begun = performance.now()
    abort.abort(interruption('SIGTERM'))
    expect((await running).exitCode).toBe(143)
    expect(performance.now() - begun).toBeLessThan(3_000)
    expect(await db.history()).toEqual([])
  })
})

plainTest.for(['', 'sslmode=prefer', 'sslmode=allow', 'sslmode=disable'])(
  'a server without TLS, "%s": exit 0',
  async (parameters, { db }) => {
    db.files(files)
    expect((await db.up([], { UPFRONT_DATABASE_URL: `${db.url}?${parameters}` })).exitCode).toBe(0)
  },
)

plainTest.for(['require', 'verify-ca&sslrootcert=/not-read.pem', 'verify-full'])(
  'a server without TLS, sslmode=%s: exit 24 at once, with the way out',
  async (mode, { db }) => {
    db.files(files)
    const { exitCode, stderr } = await db.up(['--auth-grace', '10s'], {
      UPFRONT_DATABASE_URL: `${db.url}?sslmode=${mode}`,
    })
    expect(exitCode).toBe(24)
    expect(stderr).toContain('reason: the server does not support TLS')
    expect(stderr).toContain('sslmode=prefer')
    expect(await db.tables()).toEqual([])
  },
)
