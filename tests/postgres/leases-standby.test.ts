import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until, withDatabase, writeFolder } from '../support/database.ts'
import { interruption } from '../support/run.ts'
import { withServer } from '../torture/harness/server.ts'
import { withStandby } from '../torture/harness/standby.ts'

test(
  'who holds asks the primary what was contracted, also where a standby comes first',
  { timeout: 90_000 },
  async () => {
    const old = { '001_a.sql': 'create table a (id int, name text)' }
    await withServer({ settings: { max_wal_senders: '4', wal_level: 'replica' } }, (server) =>
      withStandby(server, {}, (standby) =>
        withDatabase(server.url, async (db) => {
          const dir = join(db.dir, 'old')
          writeFolder(dir, old)
          expect((await db.run(['up'], { UPFRONT_MIGRATIONS_DIR: dir })).exitCode).toBe(0)
          db.files({ ...old, '002_drop.sql': '-- upfront:contract\nalter table a drop column name' })
          expect((await db.up()).exitCode).toBe(0)
          await standby.untilCaughtUp(server)
          const behind = await db.connect(standby.urlOf(db.url))
          await behind.query('select pg_wal_replay_pause()')
          const ended = await db.run(['contract', '--without-evidence'])
          expect(ended.exitCode, ended.stderr).toBe(0)
          const url = db.url.replace(/@[^/]+\//, `@127.0.0.1:${standby.port},127.0.0.1:${server.port}/`)
          const path = join(db.dir, 'held')
          const stop = new AbortController()
          const run = db.run(
            ['wait', '--hold', '--ready-file', path],
            { UPFRONT_DATABASE_URL: url, UPFRONT_MIGRATIONS_DIR: dir },
            stop.signal,
          )
          let over = false
          void run.then(() => (over = true))
          await until(() => over || existsSync(path), 'it is held or refused')
          const isHeld = existsSync(path)
          stop.abort(interruption('SIGTERM'))
          const { exitCode, stderr } = await run
          expect(isHeld, stderr).toBe(false)
          expect(exitCode, stderr).toBe(21)
          await behind.query('select pg_wal_replay_resume()')
        }),
      ),
    )
  },
)
