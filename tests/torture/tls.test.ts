// A server with TLS, and every way in which its certificate can be wrong.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server, startPostgres } from '../../src/embedded/postgres.ts'
import { type Certificate, makeAuthority } from '../support/certificate.ts'
import { withDatabase } from '../support/database.ts'
import { version } from './harness/server.ts'

const authority = makeAuthority('The authority')
const hosts = ['127.0.0.1']

const wrong: readonly (readonly [string, Certificate, RegExp])[] = [
  ['has expired', authority.issue('server', hosts, { from: -9, to: -2 }), /expired/i],
  ['is not good yet', authority.issue('server', hosts, { from: 2, to: 9 }), /not yet valid/i],
  ['is for another host', authority.issue('server', ['db.example.com']), /127\.0\.0\.1/],
  ['is for no host at all', authority.issue('server'), /127\.0\.0\.1/],
  ['is of an unknown authority', makeAuthority('Somebody else').issue('server', hosts), /certificate/i],
  ['is its own authority', makeAuthority('127.0.0.1'), /self[- ]signed/i],
]

let server: Server

beforeAll(async () => {
  const { cert, key } = authority.issue('server', hosts)
  server = await startPostgres({
    ...version,
    settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
    files: { 'server.crt': cert, 'server.key': key },
  })
})
afterAll(() => server.stop('immediate'))

/** `up` while the server shows this certificate. */
async function upWith({ cert, key }: Certificate, parameters: string) {
  let result: { exitCode: number; stderr: string; tables: readonly string[]; tookMs: number } | undefined
  await withDatabase(server.url, async (db) => {
    fs.writeFileSync(join(server.dataDir, 'server.crt'), cert)
    fs.writeFileSync(join(server.dataDir, 'server.key'), key)
    await server.restart('immediate')
    fs.writeFileSync(join(db.dir, 'authority.crt'), authority.cert)
    db.files({ '001_users.sql': 'create table users (id int)' })
    const begun = performance.now()
    const url = `${db.url}?${parameters}`
    const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: url, UPFRONT_AUTH_GRACE: '10s' })
    result = { exitCode, stderr, tables: await db.tables(), tookMs: performance.now() - begun }
  })
  return result!
}

test('the right certificate is let pass by verify-full', async () => {
  const right = authority.issue('server', hosts)
  const { exitCode, stderr } = await upWith(right, 'sslmode=verify-full&sslrootcert=authority.crt')
  expect(exitCode, stderr).toBe(0)
})

test.for(wrong)('a certificate that %s: verify-full is exit 24 at once, and says why', async ([, certificate, why]) => {
  const outcome = await upWith(certificate, 'sslmode=verify-full&sslrootcert=authority.crt')
  expect(outcome.exitCode, outcome.stderr).toBe(24)
  expect(outcome.tookMs).toBeLessThan(5_000)
  expect(/reason: (.*)/.exec(outcome.stderr)?.[1]).toMatch(why)
  expect(outcome.stderr).not.toMatch(/^waiting /m)
  expect(outcome.tables).toEqual([])
})

test.for(wrong)(
  'a certificate that %s: verify-ca asks for the authority and the dates, as libpq does',
  async ([name, certificate]) => {
    const { exitCode, stderr } = await upWith(certificate, 'sslmode=verify-ca&sslrootcert=authority.crt')
    expect(exitCode, stderr).toBe(/host/.test(name) ? 0 : 24)
  },
)

test.for(wrong)(
  'a certificate that %s: require encrypts and asks for nothing, as libpq does',
  async ([, certificate]) => {
    const { exitCode, stderr } = await upWith(certificate, 'sslmode=require')
    expect(exitCode, stderr).toBe(0)
  },
)
