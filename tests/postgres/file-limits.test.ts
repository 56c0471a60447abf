// lock-timeout, statement-timeout and lock-retry that a file sets for itself.
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/database.ts'

const limits = '-- upfront:lock-timeout 7s\n-- upfront:statement-timeout 1m\n'
const seen = (name: string) =>
  `create table ${name} as select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement`
const env = { UPFRONT_LOCK_TIMEOUT: '3s', UPFRONT_STATEMENT_TIMEOUT: '2m' }
const own = { lock: '7s', statement: '1min' }
const usual = { lock: '3s', statement: '2min' }

test.for(['folder', 'bundle'])(
  'what a file says of itself in a %s holds for it, wherever it runs, and for no other',
  async (kind, { db }) => {
    const rows = 'insert into rows values (1);\n'.repeat(40_000)
    db.files({
      '001_a.sql': seen('a'),
      '002_b.sql': `-- about it\n${limits}${seen('b')}`,
      '003_c.sql': seen('c'),
      '004_d.sql': `-- upfront:no-transaction\n${limits}${seen('d')};\ncreate index concurrently d_lock on d (lock);\n${seen('d2')}`,
      '005_e.sql': `${limits}create table rows (id int);\n${rows}${seen('e')};\n`,
      '006_f.sql': seen('f'),
    })
    db.seeds({ 'a.sql': `${limits}${seen('s')}` })
    let more = {}
    if (kind === 'bundle') {
      const out = join(db.dir, 'out')
      expect((await db.run(['compile', '--out', out])).exitCode).toBe(0)
      more = { UPFRONT_MIGRATIONS_DIR: join(out, 'migrations'), UPFRONT_SEEDS_DIR: join(out, 'seeds') }
    }
    const { exitCode, stderr } = await db.up(['--seed', 'demo'], { ...env, ...more })
    expect(exitCode, stderr).toBe(0)
    for (const name of ['b', 'd', 'd2', 'e', 's']) expect(await db.query(`table ${name}`), name).toEqual([own])
    for (const name of ['a', 'c', 'f']) expect(await db.query(`table ${name}`), name).toEqual([usual])
  },
)

test('a down has its own, in its own part or from the history', async ({ db }) => {
  db.files({
    '001_a.sql': `create table a ();\n-- upfront:down\n${limits}drop table a;\n${seen('x')};`,
    '002_b.sql': 'create table b ()',
    '002_b.down.sql': `-- upfront:no-transaction\n${limits}drop table b;\n${seen('y')};`,
  })
  expect((await db.up([], env)).exitCode).toBe(0)
  const down = ['down', '--step', '1', '--yes-destroy', db.name]
  expect((await db.run(down, env)).exitCode).toBe(0)
  db.files({ '001_a.sql': 'create table a ();\n' })
  const { exitCode, stderr } = await db.run(down, env)
  expect(exitCode, stderr).toBe(0)
  expect([...(await db.query('table x')), ...(await db.query('table y'))]).toEqual([own, own])
})

test.for(['', '-- upfront:no-transaction\n'])('%j its lock-retry is how long it is tried', async (first, { db }) => {
  db.files({ '001_a.sql': 'create table a ()' })
  await db.up()
  const other = await db.connect()
  await other.query('begin; lock table a')
  db.files({
    '001_a.sql': 'create table a ()',
    '002_b.sql': `${first}-- upfront:lock-timeout 100ms\n-- upfront:lock-retry 300ms\nalter table a add b int;\nselect 1;`,
  })
  const begun = performance.now()
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(33)
  expect(performance.now() - begun).toBeLessThan(4_000)
  expect(stderr).toContain('-- upfront:lock-retry')
  await other.query('rollback')
})

test('a value that is none is refused with its place', async ({ db }) => {
  db.files({
    '001_a.sql': '-- upfront:lock-timeout 30\nselect 1',
    '002_b.sql': '-- upfront:lock-timeoot 30s\nselect 1',
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(20)
  expect(stderr).toContain('001_a.sql:1:1: "-- upfront:lock-timeout 30": the value has no unit, did you mean 30s?')
  expect(stderr).toContain('Did you mean "-- upfront:lock-timeout"?')
})
