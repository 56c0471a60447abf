// A server that was away for longer than a lease lasts: nobody could renew it, and its holder lives.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Server } from '../../src/embedded/postgres.ts'
import { type Database, until, withDatabase, writeFolder } from '../support/database.ts'
import { withServer } from '../torture/harness/server.ts'
import { withStandby } from '../torture/harness/standby.ts'

const old = { '001_a.sql': 'create table a (id int, name text)' }
const next = { ...old, '002_drop.sql': '-- upfront:contract\nalter table a drop column name' }
const ttlMs = 3_000

/** Holds as the old version, lets `away` happen meanwhile, and then looks as the new one. */
async function check(db: Database, away: () => Promise<Record<string, string>>): Promise<void> {
  const env = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'old'), UPFRONT_LEASE_TTL: `${ttlMs}ms` }
  writeFolder(env.UPFRONT_MIGRATIONS_DIR, old)
  db.files(next)
  expect((await db.run(['up'], env)).exitCode).toBe(0)
  expect((await db.up()).exitCode).toBe(0)
  const pod = db.spawn(['wait', '--hold'], env)
  await pod.says(/^held /m)
  // It may only try when the server is back: by then it could have been a long recovery that is over this moment.
  pod.kill('SIGSTOP')
  const there = await away()
  await sleep(ttlMs + 500)

  const plan = await db.run(['contract'], there)
  expect(plan.exitCode, plan.stderr).toBe(34)
  expect(plan.stderr).toContain('holds a lease')
  pod.kill('SIGKILL')
  await pod.ended
  // By now there was time enough to renew it.
  await sleep(ttlMs)
  const { exitCode, stderr } = await db.run(['contract'], there)
  expect(exitCode, stderr).toBe(0)
}

const onServer = (use: (db: Database, server: Server) => Promise<void>) =>
  withServer({}, (server) => withDatabase(server.url, (db) => use(db, server)))

test('it was started again', { timeout: 60_000 }, async () => {
  await onServer((db, server) =>
    check(db, async () => {
      await server.halt('fast')
      await server.boot()
      return {}
    }),
  )
})

test('a crash of one of its processes ended all of them', { timeout: 60_000 }, async () => {
  await onServer((db) =>
    check(db, async () => {
      const victim = await db.connect()
      const began = 'select pg_postmaster_start_time()::text as at'
      const [before] = (await victim.query(began)).rows
      const [{ pid }] = (await victim.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [
        { pid: number },
      ]
      process.kill(pid, 'SIGKILL')
      await until(() => db.connect().then(() => true, () => false), 'it is back') // prettier-ignore
      expect((await (await db.connect()).query(began)).rows).toEqual([before])
      return {}
    }),
  )
})

test('a standby was promoted', { timeout: 90_000 }, async () => {
  await withServer({ settings: { max_wal_senders: '4', wal_level: 'replica' } }, (server) =>
    withStandby(server, {}, (standby) =>
      withDatabase(server.url, (db) =>
        check(db, async () => {
          await standby.untilCaughtUp(server)
          await server.halt('immediate')
          await standby.promote()
          return { UPFRONT_DATABASE_URL: standby.urlOf(db.url) }
        }),
      ),
    ),
  )
})
