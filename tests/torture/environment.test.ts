// What a server, a machine and its people can do to a migration.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, vi } from 'vitest'
import { serverAccount } from '../../src/embedded/claims.ts'
import { test, withDatabase } from '../support/database.ts'
import { withServer } from './harness/server.ts'

const isRoot = process.geteuid?.() === 0

test.skipIf(!isRoot)(
  'a full disk: exit 22 with the words of the server, and the next run succeeds with space',
  async () => {
    await withServer({}, (server) =>
      withDatabase(server.url, async (db) => {
        // A disk of its own that is nearly full from the beginning; mounting one needs root.
        const disk = fs.mkdtempSync('/tmp/upfront-disk-')
        const { uid, gid } = serverAccount()
        const mount = (size: string, more = '') =>
          spawnSync('mount', [
            '-t',
            'tmpfs',
            '-o',
            `size=${size},uid=${uid ?? 0},gid=${gid ?? 0},mode=700${more}`,
            'none',
            disk,
          ])
        expect(mount('2m').status).toBe(0)
        try {
          await db.query(`create tablespace small location '${disk}'`)
          db.files({
            '001_a.sql': 'create table a (id int)',
            '002_many.sql': `create table many (note text) tablespace small;
            insert into many select repeat('x', 1000) from generate_series(1, 4000)`,
          })
          const full = await db.up()
          expect(full.exitCode, full.stderr).toBe(22)
          expect(full.stderr).toContain('53100')
          expect(full.stderr).toMatch(/next: ./)
          expect(await db.tables()).toEqual(['public.a'])
          expect(await db.history()).toEqual(['migration 001_a applied'])

          expect(mount('50m', ',remount').status).toBe(0)
          const again = await db.up()
          expect(again.exitCode, again.stderr).toBe(0)
          await db.query('drop table many')
          await db.query('drop tablespace small')
        } finally {
          await server.halt('immediate')
          spawnSync('umount', [disk])
          fs.rmdirSync(disk)
        }
      }),
    )
  },
)

test('no room for so many locks: exit 22 with the hint of the server, nothing of it remains', async () => {
  await withServer({ settings: { max_locks_per_transaction: '10', max_connections: '10' } }, (server) =>
    withDatabase(server.url, async (db) => {
      const tables = Array.from({ length: 3_000 }, (_, i) => `create table t${i} (id int);`).join('\n')
      db.files({ '001_many.sql': tables })
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(22)
      expect(stderr).toContain('53200')
      expect(stderr).toContain('max_locks_per_transaction')
      expect(await db.tables()).toEqual([])
      db.files({ '001_many.sql': 'create table t1 (id int)' })
      expect((await db.up()).exitCode).toBe(0)
    }),
  )
})

test('an event trigger that refuses every change of the schema: exit 22, with its words', async ({ db }) => {
  await db.query(
    `create function no() returns event_trigger language plpgsql as $$ begin raise 'not on a friday'; end $$`,
  )
  db.files({ '001_a.sql': 'select 1' })
  expect((await db.up()).exitCode).toBe(0)
  await db.query(`create event trigger no on ddl_command_start when tag in ('CREATE TABLE') execute function no()`)
  db.files({ '001_a.sql': 'select 1', '002_b.sql': 'create table b (id int)' })
  const { exitCode, stderr } = await db.up()
  await db.query('drop event trigger no')
  expect(exitCode, stderr).toBe(22)
  expect(stderr).toContain('not on a friday')
  expect((await db.up()).exitCode).toBe(0)
})

test('a trigger on our history that raises: never success and no bug of ours, nothing applied', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  await db.up()
  await db.query(`create function no() returns trigger language plpgsql as $$ begin raise 'audited'; end $$`)
  await db.query(`create trigger no before insert on upfront.history for each row execute function no()`)
  db.files({ '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' })
  const { exitCode, stderr } = await db.up()
  expect([22, 24], stderr).toContain(exitCode)
  expect(stderr).toContain('audited')
  expect(await db.tables()).toEqual(['public.a'])
})

test('a history with its rows twice, or without checksums: 0 or 21, and never run again', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  await db.up()
  await db.query(`alter table upfront.history drop constraint history_pkey; alter table upfront.history alter checksum drop not null;
    insert into upfront.history (kind, name, checksum, state, run) select kind, name, checksum, state, run from upfront.history;
    delete from upfront.runs`)
  const twice = await db.up()
  expect([0, 21], twice.stderr).toContain(twice.exitCode)
  await db.query('update upfront.history set checksum = null')
  await db.query('delete from upfront.runs')
  const without = await db.up()
  expect(without.exitCode, without.stderr).toBe(21)
})

test.for([3_600_000, -3_600_000])(
  'the clock of the machine jumps by %i ms: no wait ends early or late',
  async (jumpMs, { db }) => {
    db.files({ '001_a.sql': 'select pg_sleep(30)' })
    // What a program sees of a jump is the clock of the day; timers have another.
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const begun = performance.now()
      const running = db.up([], { UPFRONT_DEADLINE: '3s' })
      await sleep(1_000)
      vi.setSystemTime(Date.now() + jumpMs)
      const { exitCode, stderr } = await running
      expect(exitCode, stderr).toBe(32)
      expect(performance.now() - begun).toBeGreaterThan(2_900)
      expect(performance.now() - begun).toBeLessThan(8_000)
      expect(await db.tables()).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  },
)

test('a reader of the log that is slow: the same end, and the whole log', async ({ db }) => {
  // More than a pipe and its reader's buffer hold.
  const names = Array.from({ length: 1_500 }, (_, i) => `${String(i + 1).padStart(4, '0')}_${'long'.repeat(30)}`)
  db.files(Object.fromEntries(names.map((name) => [`${name}.sql`, 'select 1'])))
  const child = spawn(process.execPath, [inject('program'), 'up'], {
    cwd: db.dir,
    env: { ...db.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // What the pipe still holds comes after the end of the process.
  const closed = once(child, 'close')
  let log = ''
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (log += text))
    .pause()
  await sleep(1_500)
  child.stderr.resume()
  expect(await closed).toEqual([0, null])
  expect((await db.history())!.length).toBe(1_500)
  expect(log.match(/^applied /gm)).toHaveLength(1_500)
})

test('five thousand files, all applied: a start takes less than 1.5 s', async ({ db }) => {
  const names = Array.from({ length: 5_000 }, (_, i) => `${i + 1}_m.sql`)
  db.files(Object.fromEntries(names.map((name) => [name, 'select 1'])))
  const first = await db.up([], { UPFRONT_LOG_LEVEL: 'warn' })
  expect(first.exitCode, first.stderr.slice(-500)).toBe(0)
  // By number, not by letter: 9 before 10.
  const [row] = await db.query(`select count(*)::int as rows, bool_and(n = id) as ordered
    from (select split_part(name, '_', 1)::int as n, row_number() over (order by id) as id from upfront.history) h`)
  expect(row).toEqual({ rows: 5_000, ordered: true })
  const begun = performance.now()
  expect((await db.up()).stderr).toContain('up to date     5000 migrations')
  expect(performance.now() - begun).toBeLessThan(1_500)
})

test('a reader of the log that takes nothing more: the same end, ten seconds later', async ({ db }) => {
  const names = Array.from({ length: 1_500 }, (_, i) => `${String(i + 1).padStart(4, '0')}_${'long'.repeat(30)}`)
  db.files(Object.fromEntries(names.map((name) => [`${name}.sql`, 'select 1'])))
  const child = spawn(process.execPath, [inject('program'), 'up'], {
    cwd: db.dir,
    env: { ...db.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr.on('data', () => {}).pause()
  const begun = performance.now()
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(performance.now() - begun).toBeLessThan(25_000)
  expect((await db.history())!.length).toBe(1_500)
})
