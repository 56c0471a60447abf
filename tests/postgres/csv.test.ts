import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect } from 'vitest'
import { writeMigrations, writeSeeds } from '../../src/bundle/write.ts'
import { type Database, type Files, test, until } from '../support/database.ts'
import { buildProgram } from '../support/program.ts'
import { interruption } from '../support/run.ts'

const users = { '001_users.sql': 'create table users (id int primary key, name text, note text default $$none$$)' }

/** Runs the migrations and these seeds. */
async function seed(db: Database, seeds: Files, migrations: Files = users) {
  db.files(migrations)
  db.seeds(seeds)
  return db.up(['--seed', 'demo'])
}

async function rows(db: Database) {
  return db.query('select id, name, note from users order by id')
}

describe('what a file says', () => {
  test('the header names the columns, in any order; a column that it leaves out gets its default', async ({ db }) => {
    const { exitCode, stderr, seeded } = await seed(db, { '010_users.csv': 'name,id\nAda,1\nGrace,2\n' })
    expect(exitCode, stderr).toBe(0)
    expect(seeded).toEqual(['010_users.csv'])
    expect(await rows(db)).toEqual([
      { id: 1, name: 'Ada', note: 'none' },
      { id: 2, name: 'Grace', note: 'none' },
    ])
  })

  test('quotes, commas and line ends inside a value', async ({ db }) => {
    const csv = 'id,name,note\n1,"Lovelace, Ada","said ""hello""\nand left"\n2,O\'Neil,\\n is no escape\n'
    const { exitCode, stderr } = await seed(db, { '010_users.csv': csv })
    expect(exitCode, stderr).toBe(0)
    expect(await rows(db)).toEqual([
      { id: 1, name: 'Lovelace, Ada', note: 'said "hello"\nand left' },
      { id: 2, name: "O'Neil", note: '\\n is no escape' },
    ])
  })

  test('nothing is NULL, and "" is an empty text', async ({ db }) => {
    await seed(db, { '010_users.csv': 'id,name,note\n1,,""\n' })
    expect(await rows(db)).toEqual([{ id: 1, name: null, note: '' }])
  })

  test('it is UTF-8, whatever the server prefers', async ({ db }) => {
    await db.query(`alter database ${db.name} set client_encoding = 'latin1'`)
    await seed(db, { '010_users.csv': 'id,name\n1,Käthe 🎉\n' })
    expect(await rows(db)).toMatchObject([{ name: 'Käthe 🎉' }])
  })

  test.for([
    ['CRLF', 'id,name\r\n1,Ada\r\n'],
    ['a byte order mark', '\ufeffid,name\n1,Ada\n'],
    ['both', '\ufeffid,name\r\n1,Ada\r\n'],
    ['no line end at its end', 'id,name\n1,Ada'],
    ['quoted names', '"id","name"\n1,Ada\n'],
    ['spaces around names', 'id, name\n1,Ada\n'],
  ])('%s', async ([, csv], { db }) => {
    const { exitCode, stderr } = await seed(db, { '010_users.csv': csv! })
    expect(exitCode, stderr).toBe(0)
    expect(await rows(db)).toMatchObject([{ id: 1, name: 'Ada' }])
  })

  test('a file with a header alone loads nothing', async ({ db }) => {
    for (const csv of ['id,name\n', 'id,name']) {
      const { exitCode, stderr } = await seed(db, { '010_users.csv': csv })
      expect(exitCode, stderr).toBe(0)
    }
    expect(await rows(db)).toEqual([])
  })

  test('a schema before the table, and names as odd as they come', async ({ db }) => {
    const migrations = {
      '001_core.sql': `create schema core; create table core.users (id int primary key);
        create table "Order Items" ("The Id" int, "a,""b" text, primary key ("The Id"))`,
    }
    const seeds = { '010_core.users.csv': 'id\n7\n', '020_Order Items.csv': 'The Id,"a,""b"\n1,x\n' }
    const { exitCode, stderr } = await seed(db, seeds, migrations)
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select id from core.users')).toEqual([{ id: 7 }])
    expect(await db.query('select * from "Order Items"')).toEqual([{ 'The Id': 1, 'a,"b': 'x' }])
  })

  test('SQL, modules and CSV run in one order', async ({ db }) => {
    const { seeded, exitCode, stderr } = await seed(db, {
      '9_users.csv': 'id,name\n1,first\n',
      '10_b.sql': `update users set name = 'second'`,
      '11_users.csv': 'id,note\n1,third\n',
      'demo/1_users.csv': 'id,name\n2,last\n',
    })
    expect(exitCode, stderr).toBe(0)
    expect(seeded).toEqual(['9_users.csv', '10_b.sql', '11_users.csv', 'demo/1_users.csv'])
    expect(await rows(db)).toEqual([
      { id: 1, name: 'second', note: 'third' },
      { id: 2, name: 'last', note: 'none' },
    ])
  })

  test('types beyond text', async ({ db }) => {
    const migrations = {
      '001_t.sql':
        'create table t (id uuid primary key, at timestamptz, tags text[], data jsonb, ok boolean, n numeric)',
    }
    const id = '11111111-1111-1111-1111-111111111111'
    const csv = `id,at,tags,data,ok,n\n${id},2026-01-02T03:04:05Z,"{a,b}","{""x"": [1]}",true,1.50\n`
    const { exitCode, stderr } = await seed(db, { '010_t.csv': csv }, migrations)
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select id, tags, data, ok, n from t')).toEqual([
      { id, tags: ['a', 'b'], data: { x: [1] }, ok: true, n: '1.50' },
    ])
  })
})

describe('keys', () => {
  test('a changed file runs again: new rows come, changed ones are updated, others stay', async ({ db }) => {
    await seed(db, { '010_users.csv': 'id,name\n1,Ada\n2,Grace\n' })
    await db.query(`insert into users values (9, 'of the application')`)
    const { exitCode, seeded, stderr } = await seed(db, { '010_users.csv': 'id,name\n2,Grace Hopper\n3,Barbara\n' })
    expect(exitCode, stderr).toBe(0)
    expect(seeded).toEqual(['010_users.csv'])
    expect((await rows(db)).map(({ id, name }) => `${String(id)} ${String(name)}`)).toEqual([
      '1 Ada',
      '2 Grace Hopper',
      '3 Barbara',
      '9 of the application',
    ])
  })

  test('an unchanged one does not, nor one whose line ends were changed', async ({ db }) => {
    await seed(db, { '010_users.csv': 'id,name\n1,Ada\n' })
    await db.query(`update users set name = 'of the application'`)
    const { seeded } = await seed(db, { '010_users.csv': '\ufeffid,name\r\n1,Ada\r\n' })
    expect(seeded).toEqual([])
    expect(await rows(db)).toMatchObject([{ name: 'of the application' }])
  })

  test('a key of several columns, and one of nothing else', async ({ db }) => {
    const migrations = { '001_t.sql': 'create table t (a int, b int, c text, primary key (b, a))' }
    await seed(db, { '010_t.csv': 'c,a,b\nx,1,2\n' }, migrations)
    const { exitCode, stderr } = await seed(db, { '010_t.csv': 'a,b\n1,2\n3,4\n' }, migrations)
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select a, b, c from t order by a')).toEqual([
      { a: 1, b: 2, c: 'x' },
      { a: 3, b: 4, c: null },
    ])
  })

  test('identity columns take the values of the file, and go on after them', async ({ db }) => {
    const migrations = {
      '001_t.sql': `create table t (id int generated always as identity primary key, name text);
        create table s (id serial primary key, name text)`,
    }
    const seeds = { '010_t.csv': 'id,name\n1,a\n5,b\n', '020_s.csv': 'id,name\n1,a\n5,b\n' }
    const { exitCode, stderr } = await seed(db, seeds, migrations)
    expect(exitCode, stderr).toBe(0)
    for (const table of ['t', 's']) {
      const [row] = await db.query<{ id: number }>(`insert into ${table} (name) values ('c') returning id`)
      expect(row).toEqual({ id: 6 })
    }
    // A file with smaller numbers does not take them back.
    await seed(db, { '010_t.csv': 'id,name\n2,z\n', '020_s.csv': 'id,name\n2,z\n' }, migrations)
    for (const table of ['t', 's']) {
      const [row] = await db.query<{ id: number }>(`insert into ${table} (name) values ('d') returning id`)
      expect(row).toEqual({ id: 7 })
    }
  })

  test('a partitioned table', async ({ db }) => {
    const migrations = {
      '001_t.sql': `create table t (id int primary key, name text) partition by range (id);
        create table t_low partition of t for values from (0) to (10);
        create table t_high partition of t for values from (10) to (20)`,
    }
    const { exitCode, stderr } = await seed(db, { '010_t.csv': 'id,name\n1,a\n11,b\n' }, migrations)
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select id from t_high')).toEqual([{ id: 11 }])
  })
})

describe('what is wrong', () => {
  test.for([
    ['010_users.csv', 'name\nAda\n', 'lacks the primary key column id'],
    ['010_users.csv', '', 'has no header line'],
    ['010_users.csv', '\n1,Ada\n', 'has no header line'],
    ['010_users.csv', 'id,nmae\n1,Ada\n', 'nmae'],
    ['010_users.csv', 'id,name\n1,Ada\nx,Grace\n', 'line 3, column id'],
    ['010_users.csv', 'id,name\n1,Ada\n2\n', 'line 3'],
    ['010_users.csv', 'id,name\n1,Ada,more\n', 'line 2'],
    ['010_users.csv', 'id,name\n1,"Ada\n', 'unterminated CSV quoted field'],
    ['010_users.csv', 'id,id\n1,1\n', 'id'],
    ['010_users.csv', 'id,,name\n1,,Ada\n', 'header'],
    ['010_users.csv', 'id,name\n1,Ada\n1,Grace\n', 'a second time'],
    ['010_nowhere.csv', 'id\n1\n', 'there is no table'],
    ['010_core.users.csv', 'id\n1\n', 'there is no table'],
    ['010_keyless.csv', 'id\n1\n', 'has no primary key'],
  ])('%s with %j is 26: %s', async ([file, csv, message], { db }) => {
    const migrations = { ...users, '002_keyless.sql': 'create table keyless (id int)' }
    const { exitCode, stderr } = await seed(db, { [file!]: csv! }, migrations)
    expect(exitCode, stderr).toBe(26)
    expect(stderr).toContain(file)
    expect(stderr).toContain(message)
    expect(await rows(db)).toEqual([])
    expect(await db.history()).toEqual(['migration 001_users applied', 'migration 002_keyless applied'])
  })

  test.for(['users.csv', '010users.csv', '010_.csv', '010_a.b.c.csv'])('the name %s is 20', async (file, { db }) => {
    const { exitCode, stderr } = await seed(db, { [file]: 'id\n1\n' })
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain(file)
  })

  test('bytes that are no UTF-8: nothing is loaded', async ({ db }) => {
    const csv = Buffer.from([...Buffer.from('id,name\n1,'), 0xe4, 0x0a])
    const { exitCode, stderr, seeded } = await seed(db, { '010_users.csv': csv })
    expect([20, 26], stderr).toContain(exitCode)
    expect(seeded).toEqual([])
  })

  test('it is rolled back as a whole, and runs when it is mended', async ({ db }) => {
    const first = await seed(db, { '010_users.csv': 'id,name\n1,Ada\nx,Grace\n' })
    expect(first.exitCode).toBe(26)
    expect(await rows(db)).toEqual([])
    const second = await seed(db, { '010_users.csv': 'id,name\n1,Ada\n2,Grace\n' })
    expect(second.exitCode).toBe(0)
    expect(await rows(db)).toHaveLength(2)
  })

  test('a signal while it loads: 143, nothing of it remains', async ({ db }) => {
    db.files(users)
    await db.up()
    const blocker = await db.connect()
    await blocker.query('begin; lock table users')
    db.seeds({ '010_users.csv': 'id,name\n1,Ada\n' })
    const abort = new AbortController()
    const running = db.up(['--seed', 'demo'], {}, abort.signal)
    await until(async () => {
      const waiting = await db.query(`select from pg_stat_activity where datname = current_database()
        and application_name like 'upfront/%' and wait_event_type = 'Lock'`)
      return waiting.length > 0
    }, 'it waits for the table')
    abort.abort(interruption('SIGTERM'))
    expect((await running).exitCode).toBe(143)
    await blocker.query('rollback')
    expect(await rows(db)).toEqual([])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })
})

test('in a bundle it is the same', async ({ db }) => {
  const seeds = { '010_users.csv': '\ufeffid,name\r\n1,"Käthe"\r\n', 'demo/020_users.csv': 'id,name\n2,Ada\n' }
  db.files(users)
  db.seeds(seeds)
  const env = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle'), UPFRONT_SEEDS_DIR: join(db.dir, 'seed-bundle') }
  await writeMigrations(db.migrationsDir, env.UPFRONT_MIGRATIONS_DIR)
  await writeSeeds(db.seedsDir, env.UPFRONT_SEEDS_DIR)
  const { exitCode, stderr } = await db.up(['--seed', 'demo'], env)
  expect(exitCode, stderr).toBe(0)
  expect(await rows(db)).toMatchObject([{ name: 'Käthe' }, { name: 'Ada' }])
  expect((await db.up(['--seed', 'demo'])).stderr).toContain('up to date')
})

test(
  '100 MB take less than 120 MB of memory, from a folder and from a bundle',
  { timeout: 120_000 },
  async ({ db }) => {
    const { dir, remove } = await buildProgram('--program')
    try {
      db.files(users)
      db.seeds({})
      writeLarge(join(db.seedsDir, '010_users.csv'), 100_000_000)
      const env = { UPFRONT_SEED: 'demo', UPFRONT_SEEDS_DIR: join(db.dir, 'seed-bundle') }
      await writeSeeds(db.seedsDir, env.UPFRONT_SEEDS_DIR)

      const bundled = await measure(db, join(dir, 'dist/entrypoint.js'), env)
      expect(bundled.peakMb).toBeLessThan(120)
      const [row] = await db.query('select count(*)::int as rows, sum(length(note))::bigint as size from users')
      expect(row).toEqual({ rows: 100_000, size: '98000000' })

      fs.appendFileSync(join(db.seedsDir, '010_users.csv'), '0,changed,\n')
      const mounted = await measure(db, join(dir, 'dist/entrypoint.js'), { UPFRONT_SEED: 'demo' })
      expect(mounted.peakMb).toBeLessThan(120)
      const note = (one: typeof mounted) => `${one.seconds.toFixed(1)} s, ${one.peakMb.toFixed(0)} MB`
      console.log(`100 MB of CSV: from a bundle ${note(bundled)}; again from a folder ${note(mounted)}`)
    } finally {
      remove()
    }
  },
)

/** Rows of about a thousand bytes. */
function writeLarge(path: string, bytes: number): void {
  const file = fs.openSync(path, 'w')
  const note = 'x'.repeat(980)
  fs.writeSync(file, 'id,name,note\n')
  for (let id = 1; id <= bytes / 1_000; id += 100) {
    fs.writeSync(file, Array.from({ length: 100 }, (_, i) => `${id + i},name ${id + i},${note}\n`).join(''))
  }
  fs.closeSync(file)
}

async function measure(db: Database, entrypoint: string, env: Record<string, string>) {
  const hook = join(db.dir, 'peak.cjs')
  const peak = join(db.dir, 'peak')
  fs.writeFileSync(
    hook,
    `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(peak)}, String(process.resourceUsage().maxRSS)))`,
  )
  const begun = performance.now()
  await promisify(execFile)(process.execPath, ['-r', hook, entrypoint], {
    cwd: db.dir,
    env: { PATH: process.env['PATH'], ...db.env, ...env } as NodeJS.ProcessEnv,
  })
  return { seconds: (performance.now() - begun) / 1_000, peakMb: Number(fs.readFileSync(peak, 'utf8')) / 1_024 }
}
