import { expect, test } from 'vitest'
import { withDatabase } from '../support/database.ts'
import { withServer } from '../torture/harness/server.ts'
import { withStandby } from '../torture/harness/standby.ts'

test('a standby is told as one, with all that it has, and is 30 when something is pending', async () => {
  await withServer({}, (server) =>
    withDatabase(server.url, async (db) => {
      db.files({ '001_a.sql': 'create table a (id bigint)' })
      await db.up()
      await withStandby(server, {}, async (standby) => {
        await standby.untilCaughtUp(server)
        const env = { UPFRONT_DATABASE_URL: standby.urlOf(db.url) }
        const complete = await db.run(['doctor'], env)
        expect(complete.exitCode, complete.stdout).toBe(0)
        expect(complete.stdout).toContain('the server is a standby')
        db.files({ '001_a.sql': 'create table a (id bigint)', '002_b.sql': 'select 1' })
        const { exitCode, stdout } = await db.run(['doctor'], env)
        expect(exitCode, stdout).toBe(30)
        expect(stdout).toContain('1 pending: 002_b')
        expect(stdout).toContain('next: Connect to the primary.')
      })
    }),
  )
}, 60_000)
