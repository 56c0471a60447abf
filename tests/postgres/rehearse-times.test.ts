import { expect, inject, test } from 'vitest'
import { withPostgres } from '../../src/embedded/postgres.ts'
import { withDatabase } from '../support/database.ts'

test('times are read as on the target, so that a rewrite is seen which a shadow in UTC would not make', async () => {
  await withPostgres({ settings: { timezone: 'Europe/Berlin' } }, ({ url }) =>
    withDatabase(url, async (db) => {
      const before = { '001_t.sql': 'create table t (at timestamp); insert into t values (now())' }
      db.files(before)
      expect((await db.up()).exitCode).toBe(0)
      db.files({ ...before, '002_at.sql': 'alter table t alter at type timestamptz' })
      const shadow = { UPFRONT_SHADOW_DATABASE_URL: inject('postgresUrl') }
      const { stdout, stderr } = await db.run(['rehearse', '--json'], shadow)
      expect(JSON.parse(stdout).migrations[0].statements[0].work, stderr).toMatchObject([{ what: 'rewrites' }])
    }),
  )
})
