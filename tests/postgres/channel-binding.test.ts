// libpq's channel_binding and require_auth: what a login must be before a password or a proof goes out.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server, startPostgres } from '../../src/embedded/postgres.ts'
import { makeAuthority } from '../support/certificate.ts'
import { type Database, withDatabase } from '../support/database.ts'
import { message } from '../support/fake-server.ts'
import { startTlsProxy } from '../support/tls-proxy.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'

const authority = makeAuthority('The authority')
const certificate = authority.issue('the server', ['127.0.0.1'])
const stranger = makeAuthority('Somebody else').issue('the server', ['127.0.0.1'])
const client = authority.issue('by_certificate')
const majorDir = process.env.TEST_POSTGRES_DIR

let server: Server
let plain: Server

beforeAll(async () => {
  const hba = [
    'host all trusted all trust',
    'host all hashed all md5',
    'host all cleartext all password',
    'hostssl all by_certificate all cert',
  ].join('\n')
  const files = { 'server.crt': certificate.cert, 'server.key': certificate.key, 'ca.crt': authority.cert }
  const settings = { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl_ca_file: 'ca.crt' }
  const version = majorDir ? { majorDir } : {}
  server = await startPostgres({ settings, files, hba, ...version })
  plain = await startPostgres({ hba, ...version })
})
afterAll(() => Promise.all([server.stop('immediate'), plain.stop('immediate')]))

const roles = ['trusted', 'hashed', 'cleartext', 'by_certificate', 'scram'] as const

/** `up` on a server, as this role, with these parameters. */
async function upAs(
  role: (typeof roles)[number],
  parameters: string,
  on: { server?: Server; port?: number; env?: Record<string, string> } = {},
): Promise<Awaited<ReturnType<Database['up']>>> {
  const at = on.server ?? server
  let outcome: Awaited<ReturnType<Database['up']>> | undefined
  await withDatabase(at.url, async (db) => {
    db.files({ '001_schema.sql': 'create schema app' })
    fs.writeFileSync(join(db.dir, 'client.crt'), client.cert)
    fs.writeFileSync(join(db.dir, 'client.key'), client.key)
    const encryption = role === 'hashed' ? 'md5' : 'scram-sha-256'
    await db.query(`set password_encryption = '${encryption}'; create role ${role} login password 'pass-w0rd';
      grant create on database ${db.name} to ${role}`)
    try {
      const url = db.urlOf({ user: role, password: 'pass-w0rd', ...(on.port ? { port: on.port } : {}) })
      const env = { ...on.env, UPFRONT_DATABASE_URL: `${url}?${parameters}` }
      outcome = await db.up(['--auth-grace', '10s'], env)
    } finally {
      await db.query(`drop owned by ${role} cascade; drop role ${role}`)
    }
  })
  return outcome!
}

const accepted: readonly [(typeof roles)[number], string][] = [
  ['scram', 'sslmode=require&channel_binding=require'],
  ['scram', 'sslmode=prefer&channel_binding=require'],
  ['scram', 'sslmode=allow&channel_binding=require'],
  ['scram', 'sslmode=require&channel_binding=disable'],
  ['scram', 'sslmode=require&channel_binding=prefer&require_auth=scram-sha-256'],
  ['scram', 'sslmode=disable&require_auth=scram-sha-256'],
  ['hashed', 'sslmode=require&channel_binding=prefer&require_auth=md5,scram-sha-256'],
  ['cleartext', 'sslmode=require&require_auth=!md5'],
  ['trusted', 'sslmode=require&require_auth=none'],
  ['by_certificate', 'sslmode=require&require_auth=none&sslcert=client.crt&sslkey=client.key'],
]

test.for(accepted)('a login of %s with %s is what was demanded: exit 0', async ([role, parameters]) => {
  const { exitCode, stderr } = await upAs(role, parameters)
  expect(exitCode, stderr).toBe(0)
})

const refused: readonly [(typeof roles)[number], string, string][] = [
  ['scram', 'sslmode=disable&channel_binding=require', 'channel_binding=require needs TLS'],
  ['hashed', 'sslmode=require&channel_binding=require', 'offers no login that is bound'],
  ['cleartext', 'sslmode=require&channel_binding=require', 'offers no login that is bound'],
  ['trusted', 'sslmode=require&channel_binding=require', 'let us in without it'],
  [
    'by_certificate',
    'sslmode=require&channel_binding=require&sslcert=client.crt&sslkey=client.key',
    'let us in without',
  ],
  [
    'hashed',
    'require_auth=scram-sha-256',
    'asks for a password hashed by MD5, and require_auth takes only scram-sha-256',
  ],
  ['cleartext', 'sslmode=require&require_auth=scram-sha-256,md5', 'asks for a cleartext password'],
  ['cleartext', 'sslmode=require&require_auth=!password', 'asks for a cleartext password'],
  ['trusted', 'sslmode=require&require_auth=!none', 'asks for no login at all'],
  ['scram', 'sslmode=require&require_auth=none', 'asks for SCRAM-SHA-256'],
]

test.for(refused)('a login of %s with %s is less: 24 at once, "%s"', async ([role, parameters, reason]) => {
  const begun = performance.now()
  const { exitCode, stderr } = await upAs(role, parameters)
  expect(exitCode, stderr).toBe(24)
  expect(stderr).toContain(reason)
  expect(stderr).toContain('next: ')
  expect(performance.now() - begun).toBeLessThan(8_000)
})

test('PGCHANNELBINDING and PGREQUIREAUTH are the same as the parameters', async () => {
  const bound = await upAs('hashed', 'sslmode=require', { env: { PGCHANNELBINDING: 'require' } })
  expect([bound.exitCode, bound.stderr]).toEqual([24, expect.stringContaining('channel_binding=require')])
  const required = await upAs('hashed', 'sslmode=require', { env: { PGREQUIREAUTH: '!md5' } })
  expect([required.exitCode, required.stderr]).toEqual([24, expect.stringContaining('require_auth')])
  const url = await upAs('hashed', 'sslmode=require&channel_binding=prefer', { env: { PGCHANNELBINDING: 'require' } })
  expect(url.exitCode, url.stderr).toBe(0)
})

test('channel_binding=require on a server without TLS is 24, whatever sslmode says', async () => {
  for (const mode of ['prefer', 'allow', 'disable']) {
    const { exitCode, stderr } = await upAs('scram', `sslmode=${mode}&channel_binding=require`, { server: plain })
    expect(exitCode, stderr).toBe(24)
    expect(stderr).toContain('channel_binding=require needs TLS')
  }
})

test('channel_binding=require refuses somebody in the middle with another certificate, disable does not', async () => {
  await using middle = await startTlsProxy(server.port, stranger)
  const at = { port: middle.port }

  const required = await upAs('scram', 'sslmode=require&channel_binding=require', at)
  expect(required.exitCode, required.stderr).toBe(24)
  expect(required.stderr).toContain('SCRAM channel binding check failed')
  expect(required.stderr).toContain('The certificate that we see is not the one of the server')
  // As in libpq: what both sides can do they do.
  const preferred = await upAs('scram', 'sslmode=require', at)
  expect(preferred.exitCode, preferred.stderr).toBe(24)
  const disabled = await upAs('scram', 'sslmode=require&channel_binding=disable', at)
  expect(disabled.exitCode, disabled.stderr).toBe(0)
})

const tricks: readonly [string, readonly Buffer[]][] = [
  ['lets everybody in', [message('R', 0)]],
  ['asks for the password in clear', [message('R', 3)]],
  ['offers no binding', [message('R', 10, 'SCRAM-SHA-256\0\0')]],
  ['offers it, and then asks for the password in clear', [message('R', 10, 'SCRAM-SHA-256-PLUS\0\0'), message('R', 3)]],
  ['offers it, and then lets everybody in', [message('R', 10, 'SCRAM-SHA-256-PLUS\0\0'), message('R', 0)]],
]

// No real server does any of this.
test.for(tricks)('somebody in the middle who %s hears no password', async ([, answers]) => {
  let next = 0
  await using middle = await startTlsProxy(server.port, stranger, (socket) => {
    const answer = answers[Math.min(next, answers.length - 1)]!
    next += 1
    socket.write(answer)
    if (answer.readInt32BE(5) === 0) socket.write(message('Z', 'I'))
  })
  const outcome = await upAs('scram', 'sslmode=require&channel_binding=require', { port: middle.port })
  expect(outcome.exitCode, outcome.stderr).toBe(24)
  expect(outcome.stderr).toContain('channel_binding=require')
  expect(middle.heard()).toContain('scram')
  expect(middle.heard()).not.toContain('pass-w0rd')
})

test('a certificate that no login can be bound to: prefer does without, require is 24 and says why', async () => {
  const { cert, key } = makeAuthority('Of another kind', 'ed25519').issue('the server', ['127.0.0.1'])
  const files = { 'server.crt': cert, 'server.key': key }
  const settings = { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' }
  await using odd = await startPostgres({ settings, files, ...(majorDir ? { majorDir } : {}) })

  const preferred = await upAs('scram', 'sslmode=require', { server: odd })
  expect(preferred.exitCode, preferred.stderr).toBe(0)
  const required = await upAs('scram', 'sslmode=require&channel_binding=require', { server: odd })
  expect(required.exitCode, required.stderr).toBe(24)
  expect(required.stderr).toContain('channel_binding=require: ')
  expect(required.stderr).toContain('Give the server a certificate signed by RSA')
})

test.skipIf(missing !== undefined)(
  'a pooler that ends TLS and knows no binding: prefer does without, require is 24',
  async () => {
    await withDatabase(plain.url, async (db) => {
      db.files({ '001_schema.sql': 'create schema app' })
      for (const [name, text] of [
        ['key', certificate.key],
        ['crt', certificate.cert],
      ] as const) {
        fs.writeFileSync(join(db.dir, `pooler.${name}`), text, { mode: 0o644 })
      }
      fs.chmodSync(db.dir, 0o755)
      const through = async (port: number) => {
        const url = (query: string) => ({ UPFRONT_DATABASE_URL: `${db.urlOf({ port })}?sslmode=require${query}` })
        const preferred = await db.up([], url(''))
        expect(preferred.exitCode, preferred.stderr).toBe(0)
        const required = await db.up([], url('&channel_binding=require'))
        expect(required.exitCode, required.stderr).toBe(24)
        expect(required.stderr).toContain('offers no login that is bound to its TLS')
      }
      await withPgBouncer('session', plain, through, {
        auth_type: 'scram-sha-256',
        client_tls_sslmode: 'require',
        client_tls_key_file: join(db.dir, 'pooler.key'),
        client_tls_cert_file: join(db.dir, 'pooler.crt'),
      })
    })
  },
)
