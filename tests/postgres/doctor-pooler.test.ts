// doctor through a pooler: it tells the mode, and leaves nothing on what the application gets next.
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'

const serverOf = (db: Database) => {
  const { hostname, port, username, password } = new URL(db.url)
  return { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
}

const plain = { '001_a.sql': 'create table a (id bigint);\n' }
const prisma = {
  'migration_lock.toml': 'provider = "postgresql"\n',
  '1_a/migration.sql': 'create table a (id bigint);\n',
}

/** Through its one server connection, so that what is found is what doctor had. */
async function settingsLeft(db: Database, url: string) {
  const app = await db.connect(url)
  const { rows } = await app.query(`select name from pg_settings
    where source = 'session' and name not in ('application_name', 'client_encoding')`)
  await app.end()
  return rows as unknown[]
}

describe.skipIf(missing !== undefined)('through a pooler', () => {
  for (const mode of ['transaction', 'statement'] as const)
    for (const files of [plain, prisma])
      test(`in ${mode} mode: 25 when something is pending, and nothing stays set (${Object.keys(files)[0]})`, async ({
        db,
      }) => {
        db.files(files)
        await withPgBouncer(mode, serverOf(db), async (port) => {
          const url = db.urlOf({ port })
          const { exitCode, stdout, stderr } = await db.run(['doctor'], { UPFRONT_DATABASE_URL: url })
          expect(exitCode, stdout + stderr).toBe(25)
          expect(stdout).toContain('through a pooler that shares its connections, where no lock holds')
          expect(stdout).toContain('next: Connect to the server itself')
          expect(stdout).toMatch(/1 pending: (001|1)_a/)
          expect(await settingsLeft(db, url)).toEqual([])
        })
        expect(await db.history()).toBeNull()
      })

  test('in transaction mode, with nothing to do: 0, as for up', async ({ db }) => {
    db.files(plain)
    expect((await db.up()).exitCode).toBe(0)
    await withPgBouncer('transaction', serverOf(db), async (port) => {
      const env = { UPFRONT_DATABASE_URL: db.urlOf({ port }) }
      const { exitCode, stdout } = await db.run(['doctor'], env)
      expect(exitCode, stdout).toBe(0)
      expect(stdout).toContain('1 applied\n')
      expect((await db.up([], env)).exitCode).toBe(0)
    })
  })

  test('in session mode: fine, and one that resets nothing has no session that is read only', async ({ db }) => {
    db.files(plain)
    await withPgBouncer(
      'session',
      serverOf(db),
      async (port) => {
        const url = db.urlOf({ port })
        const { exitCode, stdout } = await db.run(['doctor'], { UPFRONT_DATABASE_URL: url })
        expect(exitCode, stdout).toBe(0)
        expect(stdout).toContain('through a pooler in session mode, which is fine')
        const app = await db.connect(url)
        await app.query('create table of_the_application (id bigint)')
        await app.end()
      },
      { server_reset_query: '' },
    )
    expect(await db.tables()).toEqual(['public.of_the_application'])
  })
})
