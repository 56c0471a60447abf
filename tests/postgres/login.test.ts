// What a server may ask of somebody who logs in, and that we cannot give.
import { expect } from 'vitest'
import { withPostgres } from '../../src/embedded/postgres.ts'
import { test, withDatabase } from '../support/database.ts'
import { message, startFakeServer } from '../support/fake-server.ts'

const files = { '001_users.sql': 'create table users (id int)' }

// The Postgres of the tests is built without GSSAPI, is not on Windows and has no OAuth validator.
const questions: readonly [string, Buffer][] = [
  ['GSSAPI (Kerberos)', message('R', 7)],
  ['SSPI (Windows)', message('R', 9)],
  ['Kerberos V5', message('R', 2)],
  ['SCM credentials', message('R', 6)],
  ['a way of its own (code 4711)', message('R', 4711)],
  ['OAUTHBEARER', message('R', 10, 'OAUTHBEARER\0\0')],
  ['SCRAM-SHA-512', message('R', 10, 'SCRAM-SHA-512\0\0')],
]

test.for(questions)('a server that asks for %s is 24 at once, with the way out', async ([way, question], { db }) => {
  db.files(files)
  await using server = await startFakeServer(question)
  const begun = performance.now()
  const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: server.port }), UPFRONT_AUTH_GRACE: '10s' }

  const { exitCode, stderr } = await db.up([], env)

  expect(exitCode, stderr).toBe(24)
  expect(performance.now() - begun).toBeLessThan(3_000)
  expect(stderr).toContain(`the server asks for a login by ${way}, which is not supported here`)
  expect(stderr).toContain('pg_hba.conf')
  expect(server.accepted()).toBeLessThan(5)
})

test('such a server does not end the process of a host that uses the API', async ({ db }) => {
  db.files(files)
  const { wait } = await import('../../src/index.ts')
  await using server = await startFakeServer(message('R', 7))
  const calling = wait({ databaseUrl: db.urlOf({ port: server.port }), migrationsDir: db.migrationsDir })
  await expect(calling).rejects.toMatchObject({ code: 'DENIED' })
})

test('no password where md5 or cleartext is asked for is exit 2 at once, as for SCRAM', async () => {
  await withPostgres({ hba: 'host all hashed all md5\nhost all clear all password' }, async (server) => {
    await withDatabase(server.url, async (db) => {
      db.files(files)
      await db.query(`create role clear login password 'x'; set password_encryption = md5;
        create role hashed login password 'x'`)
      for (const user of ['clear', 'hashed']) {
        const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ user }) })
        expect(exitCode, stderr).toBe(2)
        expect(stderr).toContain('the server asks for a password and none is set')
      }
    })
  })
})

test('a password hashed with very many iterations is one', async ({ db }) => {
  const [setting] = await db.query<{ known: boolean }>(
    `select current_setting('scram_iterations', true) is not null as known`,
  )
  // Before 16 it is always 4096.
  if (!setting!.known) return
  db.files({ '001_schema.sql': 'create schema app' })
  const { user } = await db.role()
  await db.query(`grant create on database ${db.name} to ${user}; set scram_iterations = 300000;
    alter role ${user} password 'slow'`)
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ user, password: 'slow' }) })
  expect(exitCode, stderr).toBe(0)
})
