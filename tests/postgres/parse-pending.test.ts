// What runs is parsed and checked, all of it before the first of it runs; what has run is not looked into again.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, type Files, test } from '../support/database.ts'

const a = { '001_a.sql': 'create table a (id int)' }
/** No server takes it, and no check of ours lets it pass. */
const broken = 'creat table a (id int);\nvacuum;\n\\connect other\n'

/** A history that has a file as it is, though it would not be run today. */
async function pretend(db: Database, files: Files) {
  db.files(files)
  const { exitCode, stderr } = await db.run(['baseline'])
  expect(exitCode, stderr).toBe(0)
}

test('what the history has is not parsed and not judged by up, status, wait, seed, baseline and repair', async ({
  db,
}) => {
  db.seeds({ '010_s.sql': 'select 1' })
  await pretend(db, { '001_old.sql': broken })
  for (const args of [['up'], ['status', '--exit-code'], ['wait'], ['up', '--seed', 'x'], ['baseline']]) {
    const { exitCode, stderr } = await db.run(args)
    expect(exitCode, `${args.join(' ')} ${stderr}`).toBe(0)
  }
  db.files({ '001_old.sql': broken, '002_new.sql': 'create table new (id int)' })
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['002_new'])
  expect((await db.run(['redo', '--yes-destroy', db.name])).exitCode).toBe(28)
})

test('compile and plan look at everything', async ({ db }) => {
  await pretend(db, { '001_old.sql': broken })
  for (const command of ['compile', 'plan']) expect((await db.run([command])).exitCode, command).toBe(20)
})

test('a down of an applied file is taken though its up would not be run today', async ({ db }) => {
  const files = { '001_old.sql': broken, '001_old.down.sql': 'create table gone (id int)' }
  await pretend(db, files)
  expect((await db.run(['down', '--yes-destroy', db.name])).exitCode).toBe(0)
  expect(await db.tables()).toEqual(['public.gone'])
})

test('a wrong down of what is baselined is told and not kept', async ({ db }) => {
  db.files({ ...a, '001_a.down.sql': 'dorp table a' })
  const { exitCode, stderr } = await db.run(['baseline'])
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('the down of 001_a is wrong and was not kept')
  expect((await db.run(['down', '--yes-destroy', db.name])).exitCode).toBe(20)
})

test('the down of a file of any size is found behind it', async ({ db }) => {
  const rows = `insert into a values ('${'x'.repeat(1_000)}');\n`.repeat(2_000)
  await pretend(db, { '001_a.sql': `creat;\n${rows}-- upfront:down\ncreate table gone (id int);\n` })
  expect((await db.query('select down from upfront.history'))[0]).toMatchObject({
    down: expect.stringContaining('gone'),
  })
  const { exitCode, stderr } = await db.run(['down', '--yes-destroy', db.name])
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.gone'])
})

test('what is pending is checked whole before the first of it runs, and what is held back is not', async ({ db }) => {
  db.files({ ...a, '002_b.sql': 'create table b (id int)', '003_c.sql': 'creat', '004_d.sql': 'vacuum; vacuum' })
  const all = await db.up()
  expect(all.exitCode).toBe(20)
  expect(all.stderr).toContain('3 problems in')
  expect(all.stderr).toContain('003_c.sql:1:1')
  expect(all.stderr).toContain('004_d.sql:1:1')
  expect(await db.tables()).toEqual([])
  const part = await db.up(['--to', '002_b'])
  expect(part.exitCode, part.stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
})

test('seeds that are pending are checked before a migration runs, those that ran are not looked into', async ({
  db,
}) => {
  db.files(a)
  db.seeds({ '010_s.sql': 'inser' })
  expect((await db.up(['--seed', 'demo'])).exitCode).toBe(20)
  expect(await db.tables()).toEqual([])
})

describe('a checksum is of the normalised text, whatever the way to it', () => {
  const down = '\n-- upfront:down\ndrop table a;\n'
  const large = `-- ${'x'.repeat(70_000)}\n`
  test.for<[string, string | Buffer, string | Buffer]>([
    ['CRLF for LF', 'select 1;\nselect 2;\n', 'select 1;\r\nselect 2;\r\n'],
    ['a byte order mark', 'select 1;\n', '\ufeffselect 1;\n'],
    ['another down', `select 1;${down}`, `select 1;${down}-- more\n`],
    ['CRLF in a larger file', `${large}select 1;\n`, `${large}select 1;\n`.replaceAll('\n', '\r\n')],
    ['another down of a larger file', `${large}select 1;${down}`, `${large}select 1;${down}-- more`],
    ['a mark and CRLF before a down', `select 'é';${down}`, `\ufeffselect 'é';${down}`.replaceAll('\n', '\r\n')],
  ])('%s changes nothing', async ([, before, after], { db }) => {
    db.files({ '001_a.sql': before })
    expect((await db.up()).exitCode).toBe(0)
    const out = join(db.dir, 'bundle')
    expect((await db.run(['compile', '--out', out])).exitCode).toBe(0)
    expect((await db.up([], { UPFRONT_MIGRATIONS_DIR: join(out, 'migrations') })).stderr).toContain('up to date')
    db.files({ '001_a.sql': after })
    const again = await db.up()
    expect(again.exitCode, again.stderr).toBe(0)
    expect(again.stderr).toContain('up to date')
    db.files({ '001_a.sql': Buffer.concat([Buffer.from(' '), Buffer.from(before)]) })
    expect((await db.up()).exitCode).toBe(21)
  })

  test('a byte that is not UTF-8 is told with its place, in a file of any size and in its down', async ({ db }) => {
    for (const before of ['', large, `select 1;${down}`]) {
      db.files({ '001_a.sql': Buffer.concat([Buffer.from(`${before}-- `), Buffer.from([0xe9])]) })
      const { exitCode, stderr } = await db.up()
      expect(exitCode, stderr).toBe(20)
      expect(stderr).toContain(`001_a.sql:${before.split('\n').length}:4: a byte that is not UTF-8`)
    }
  })
})

test('a file that changes between its first reading and its turn is refused', async ({ db }) => {
  db.files({ ...a, '002_b.sql': 'create table b (id int)' })
  const holder = await db.connect()
  await db.up(['--to', '001_a'])
  await holder.query('begin; lock table upfront.history in access exclusive mode')
  const running = db.spawn(['up'])
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  fs.writeFileSync(join(db.migrationsDir, '002_b.sql'), 'create table c (id int)')
  await holder.query('commit')
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(20)
  expect(stderr).toContain('002_b.sql has changed while upfront ran')
  expect(await db.tables()).toEqual(['public.a'])
})
