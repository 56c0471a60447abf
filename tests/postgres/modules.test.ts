import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { writeMigrations, writeSeeds } from '../../src/bundle/write.ts'
import { type Child, type Database, type Files, test, until } from '../support/database.ts'

const up = (body: string, rest = '') => `
import type { Migration } from 'upfront'

export const up: Migration['up'] = async (client, { signal, log }) => {
${body}
}
${rest}`

const table = up(`  await client.query('create table a (id int)')`)

/** Starts the real program: what a module does to the process is the subject. */
type Start = (args?: readonly string[], env?: Readonly<Record<string, string>>) => Child

const ways: readonly (readonly [string, (db: Database, files: Files, seeds?: Files) => Promise<Start>])[] = [
  [
    'in a mounted folder',
    async (db, files, seeds = {}) => {
      db.files(files)
      db.seeds(seeds)
      return db.spawn
    },
  ],
  [
    'in a bundle',
    async (db, files, seeds = {}) => {
      db.files(files)
      db.seeds(seeds)
      const env = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle'), UPFRONT_SEEDS_DIR: join(db.dir, 'seed-bundle') }
      await writeMigrations(db.migrationsDir, env.UPFRONT_MIGRATIONS_DIR)
      await writeSeeds(db.seedsDir, env.UPFRONT_SEEDS_DIR)
      return (args, more) => db.spawn(args, { ...env, ...more })
    },
  ],
]

describe.for(ways)('%s', ([, prepare]) => {
  test('TypeScript with types, a local import, a log and a down', async ({ db }) => {
    const start = await prepare(db, {
      '001_a.ts': `import { name, type Row } from './lib/names.ts'
${up(
  `  interface Count { readonly count: number }
  await client.query(\`create table \${name} (id int)\`)
  await client.query('insert into a values ($1)', [7])
  const { rows } = await client.query<Count>('select count(*)::int as count from a')
  const row: Row = { aborted: signal.aborted }
  log(\`\${rows[0]!.count} row, \${JSON.stringify(row)}\`)`,
  `export const down: Migration['down'] = async (client) => {
  await client.query('drop table a')
}`,
)}`,
      'lib/names.ts': `export { name } from '../more.ts'\nexport interface Row { readonly aborted: boolean }\n`,
      'more.ts': `export const name = 'a' as const\n`,
    })

    const { exitCode, stderr, applied } = await start(['up'], { UPFRONT_ENV: 'development' }).ended

    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['001_a'])
    expect(stderr).toMatch(/^notice {9}001_a {2}LOG: 1 row, {"aborted":false}$/m)
    expect(stderr).not.toContain('(node:')
    expect(await db.query('select id from a')).toEqual([{ id: 7 }])
    expect((await start().ended).stderr).toContain('up to date')
    const down = await start(['down']).ended
    expect(down.exitCode, down.stderr).toBe(0)
    expect(await db.tables()).toEqual([])
    expect(await db.history()).toEqual([])
  })

  test.for([
    ['001_a.js', `export async function up(client) { await client.query('create table a (id int)') }`],
    ['001_a.mjs', `export async function up(client) { await client.query('create table a (id int)') }`],
    ['001_a.cjs', `exports.up = async (client) => { await client.query('create table a (id int)') }`],
    ['001_a.mts', table],
    ['001_a.ts', `\ufeff${table.replaceAll('\n', '\r\n')}`],
  ])('%s', async ([file, source], { db }) => {
    const { exitCode, stderr } = await (await prepare(db, { [file!]: source! }))().ended
    expect(exitCode, stderr).toBe(0)
    expect(stderr).not.toContain('(node:')
    expect(await db.tables()).toEqual(['public.a'])
  })

  test('transaction = false runs it outside of one', async ({ db }) => {
    const start = await prepare(db, {
      '001_a.sql': 'create table a (id int)',
      '002_index.ts': up(
        `  await client.query('create index concurrently a_id on a (id)')`,
        'export const transaction = false',
      ),
    })
    const { exitCode, stderr, applied } = await start().ended
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['001_a', '002_index'])
    expect(await db.query(`select from pg_class where relname = 'a_id'`)).toHaveLength(1)
  })

  test('a query error that it swallows is 22 all the same, with that error', async ({ db }) => {
    const start = await prepare(db, {
      '001_a.ts': up(`  await client.query('create table a (id int)')
  try { await client.query('select * from nowhere') } catch {}
  try { await client.query('select 2') } catch {}`),
    })
    const { exitCode, stderr } = await start().ended
    expect(exitCode).toBe(22)
    expect(stderr).toContain('ERROR 42P01: relation "nowhere" does not exist')
    expect(stderr).not.toContain('25P02')
    expect(await db.tables()).toEqual([])
    expect(await db.history()).toEqual([])
  })

  test.for(['commit', 'rollback', 'commit; begin', 'rollback; begin', 'commit and chain'])(
    'one that ends our transaction by %s is 23',
    async (sql, { db }) => {
      const start = await prepare(db, {
        '001_a.ts': up(`  await client.query('create table a (id int)')\n  await client.query('${sql}')`),
      })
      const { exitCode, stderr } = await start().ended
      expect(exitCode, stderr).toBe(23)
      expect(stderr).toContain('001_a ended our transaction')
      expect(await db.history()).not.toContain('migration 001_a applied')
    },
  )

  test('the error of a module names the place in its own file', async ({ db }) => {
    const start = await prepare(db, { '001_a.ts': up(`\n\n  throw new Error('just so')`) })
    const { stderr } = await start().ended
    expect(stderr).toMatch(/001_a\.[jt]s:7:\d+\n +7 \| +throw new Error\('just so'\)/)
  })

  test('so does the error of one of its queries', async ({ db }) => {
    const start = await prepare(db, { '001_a.ts': up(`\n  await client.query('select * from nowhere')`) })
    const { stderr } = await start().ended
    expect(stderr).toMatch(/001_a\.[jt]s:6:\d+/)
    expect(stderr).toContain('ERROR 42P01')
  })

  test('one that never resolves ends with the signal, and is rolled back', async ({ db }) => {
    const start = await prepare(db, {
      '001_a.ts': up(`  await client.query('create table a (id int)')
  log('and now nothing')
  await new Promise(() => setInterval(() => {}, 1_000))`),
    })
    const running = start()
    await running.says('and now nothing')
    const begun = performance.now()
    running.kill('SIGTERM')
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(143)
    expect(performance.now() - begun).toBeLessThan(5_000)
    expect(await db.tables()).toEqual([])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('a timer and a connection of its own that it leaves do not keep the process', async ({ db }) => {
    const { port } = new URL(db.url)
    const start = await prepare(db, {
      '001_a.ts': `import net from 'node:net'\n${up(`  setInterval(() => {}, 1_000)
  net.connect(${port}, '127.0.0.1')
  await client.query('create table a (id int)')`)}`,
    })
    const begun = performance.now()
    const { exitCode, stderr } = await start().ended
    expect(exitCode, stderr).toBe(0)
    expect(performance.now() - begun).toBeLessThan(8_000)
    expect(await db.tables()).toEqual(['public.a'])
  })

  test('seeds: one that runs, one that fails with 26, and again when it changes', async ({ db }) => {
    const files = { '001_a.sql': 'create table a (id int)' }
    const seed = (sql: string) => `export async function up(client) { await client.query(\`${sql}\`) }`
    const start = await prepare(db, files, {
      '010_a.ts': seed('insert into a values (1)'),
      'demo/020_b.js': seed('insert into nowhere values (1)'),
    })
    const bad = await start(['--seed', 'demo']).ended
    expect(bad.exitCode, bad.stderr).toBe(26)
    expect(bad.seeded).toEqual(['010_a.ts'])
    expect(bad.stderr).toContain('020_b.js')

    const mended = await prepare(db, files, {
      '010_a.ts': seed('insert into a values (1)'),
      'demo/020_b.js': seed('insert into a values (2)'),
    })
    const good = await mended(['--seed', 'demo']).ended
    expect(good.exitCode, good.stderr).toBe(0)
    expect(good.seeded).toEqual(['demo/020_b.js'])
    expect((await mended(['--seed', 'demo']).ended).stderr).toContain('up to date')
  })
})

describe('whatever else one may do', () => {
  test('one outside of a transaction that fails is 23 until somebody has looked; both commands help', async ({
    db,
  }) => {
    db.files({
      '001_a.ts': up(
        `  await client.query('create table if not exists a (id int)')
  const { rows } = await client.query("select to_regclass('ready') is not null as ready")
  if (!rows[0].ready) throw new Error('not ready')`,
        'export const transaction = false',
      ),
    })
    const first = await db.up()
    expect(first.exitCode, first.stderr).toBe(23)
    expect(first.stderr).toContain('not ready')
    expect(await db.tables()).toEqual(['public.a'])
    const second = await db.up()
    expect(second.exitCode).toBe(23)
    expect(second.stderr).toContain('an earlier run was stopped in the middle of it')

    const commands = [...second.stderr.matchAll(/upfront (repair --[a-z-]+ 001_a) --reason/g)].map(([, command]) =>
      command!.split(' '),
    )
    expect(commands).toHaveLength(2)
    await db.query('create table ready ()')
    expect((await db.run([...commands[1]!, '--reason', 'it can run again'])).exitCode).toBe(0)
    const third = await db.up()
    expect(third.exitCode, third.stderr).toBe(0)
    expect(third.applied).toEqual(['001_a'])
    await db.query(`update upfront.history set state = 'running'`)
    await db.query(`delete from upfront.runs`)
    expect((await db.run([...commands[0]!, '--reason', 'it is complete'])).exitCode).toBe(0)
    const fourth = await db.up()
    expect(fourth.exitCode, fourth.stderr).toBe(0)
    expect(fourth.applied).toEqual([])
  })

  test('one that it swallows behind a savepoint is its own business', async ({ db }) => {
    db.files({
      '001_a.ts': up(`  await client.query('create table a (id int); savepoint s')
  await client.query('select * from nowhere').catch(() => client.query('rollback to savepoint s'))`),
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toEqual(['public.a'])
  })

  test.for([
    [`throw new Error('just so')`, 'just so'],
    [`throw 'a string'`, 'a string'],
    [`throw undefined`, 'undefined'],
    [`throw null`, 'null'],
    [`throw { code: 'odd' }`, ''],
    [`await Promise.reject(42)`, '42'],
    [`await client.query('select 1 / 0')`, 'ERROR 22012: division by zero'],
    [`;(await client.query('select 1')).rows[7].nothing.there`, "reading 'nothing'"],
    [`await client.query('select * from nowhere').catch(() => {})\n  await client.query('select 1')`, 'ERROR 42P01'],
    [`client.query('select * from nowhere', () => {})`, 'it ended without waiting for this query'],
  ])('%s is 22, rolled back, with its message', async ([statement, message], { db }) => {
    db.files({
      '001_a.ts': up(`  await client.query('create table a (id int)')\n  ${statement}`),
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('migration 001_a failed and was rolled back')
    expect(stderr).toContain(message!)
    expect(await db.tables()).toEqual([])
  })

  test('one that hears the signal can stop by itself', async ({ db }) => {
    db.files({
      '001_a.ts': up(`  log('waiting')
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  log('heard it')`),
    })
    const running = db.spawn()
    await running.says('waiting')
    running.kill('SIGTERM')
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(143)
  })

  test('one that ends the process itself is not a success', async ({ db }) => {
    db.files({
      '001_a.ts': up(`  await client.query('create table a (id int)')\n  process.exit(0)`),
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).not.toBe(0)
    await until(async () => (await db.leftovers()).sessions === 0, 'the server has noticed')
    expect(await db.tables()).toEqual([])
  })

  test('the client cannot be closed by it', async ({ db }) => {
    db.files({
      '001_a.ts': up(`  await client.query('create table a (id int)')
  await client.end()
  client.release?.()
  await client.connect()`).replaceAll(/^ {2}(client.release.*)$/gm, '  ;(client as any).release()'),
      '002_b.sql': 'create table b (id int)',
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toEqual(['public.a', 'public.b'])
  })

  test('session state does not leak from it', async ({ db }) => {
    db.files({
      '001_a.ts': up(`  await client.query("create schema s; set search_path = s; set role pg_monitor")`),
      '002_b.sql': 'create table b (id int)',
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toEqual(['public.b'])
  })

  test('the locks of others are retried: the whole of it runs again', async ({ db }) => {
    await db.query('create table busy (id int)')
    const blocker = await db.connect()
    await blocker.query('begin; lock table busy')
    db.files({
      '001_a.ts': up(
        `  await client.query('create table a (id int)')\n  await client.query('alter table busy add n int')`,
      ),
    })
    const running = db.spawn([], { UPFRONT_LOCK_TIMEOUT: '100ms' })
    await running.says('retrying')
    await blocker.query('rollback')
    const { exitCode, stderr, applied } = await running.ended
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['001_a'])
  })
})

test('one that never resolves ends with the deadline: 32, rolled back', async ({ db }) => {
  db.files({ '001_a.ts': up(`  await client.query('create table a (id int)')\n  await new Promise(() => {})`) })
  const { exitCode, stderr } = await db.spawn([], { UPFRONT_DEADLINE: '2s' }).ended
  expect(exitCode, stderr).toBe(32)
  expect(await db.tables()).toEqual([])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

const forever = 'for (;;) try { continue } catch {}'

test.for([
  ['before it asks for anything', forever],
  ['after a query', `await client.query('create table a (id int)')\n  ${forever}`],
  ['in a timer', `setTimeout(() => { ${forever} })\n  await new Promise(() => {})`],
  ['in a tick', `process.nextTick(() => { ${forever} })\n  await new Promise(() => {})`],
])('one that never lets go of the processor %s ends with the deadline: 32, rolled back', async ([, body], { db }) => {
  db.files({ '001_a.ts': up(`  ${body}`), '002_b.sql': 'create table b (id int)' })
  const begun = performance.now()
  const { exitCode, stderr } = await db.spawn([], { UPFRONT_DEADLINE: '2s' }).ended
  expect(exitCode, stderr).toBe(32)
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(stderr).toContain('001_a never let go of the processor')
  expect(stderr).toContain('not run: 001_a, 002_b')
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^failed {9}32 LOST: the deadline of 2 s was over while applying/)
  expect(await db.tables()).toEqual([])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

describe('what is no migration', () => {
  test.for([
    ['exports no up', 'export async function down() {}', 'exports no function up'],
    ['exports up as something else', `export const up = 'create table a (id int)'`, 'exports no function up'],
    ['is empty', '', 'exports no function up'],
    ['does not parse', 'export async function up(client { }', '001_a.ts cannot be loaded'],
    ['needs a compiler', 'export enum Colour { Red }\nexport async function up() {}', '001_a.ts'],
    ['imports a package', `import 'nowhere-to-be-found'\nexport async function up() {}`, 'nowhere-to-be-found'],
    ['imports a file that is not there', `import './nowhere.ts'\nexport async function up() {}`, 'nowhere'],
    ['throws while it loads', `throw new Error('too early')\nexport async function up() {}`, 'too early'],
  ])('a module that %s is 20, and what comes before it does not run', async ([, source, message], { db }) => {
    db.files({ '000_first.sql': 'create table first (id int)', '001_a.ts': source! })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain(message)
    expect(await db.tables()).toEqual([])
  })

  test('one that needs a compiler is refused when a bundle is made of it', async ({ db }) => {
    db.files({ '001_a.ts': 'export enum Colour { Red }\nexport async function up() {}' })
    await expect(writeMigrations(db.migrationsDir, join(db.dir, 'bundle'))).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('one that imports from outside of its folder is refused when a bundle is made of it', async ({ db }) => {
    db.files({ '001_a.ts': `import '../other.ts'\nexport async function up() {}` })
    db.seeds({})
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(db.dir, 'other.ts'), 'export {}')
    await expect(writeMigrations(db.migrationsDir, join(db.dir, 'bundle'))).rejects.toMatchObject({ code: 'INVALID' })
  })

  test('SQL and a module of one name are refused', async ({ db }) => {
    db.files({ '001_a.ts': table, '001_a.sql': 'select 1' })
    const { exitCode, stderr } = await db.up()
    expect(exitCode).toBe(20)
    expect(stderr).toContain('two files have the identity 001_a')
  })
})

describe('identity and way back', () => {
  test('the same migration in a folder and in a bundle is the same', async ({ db }) => {
    const files = { '001_a.ts': table, '002_b.js': `export async function up() {}` }
    const [[, mounted], [, bundled]] = ways as [(typeof ways)[0], (typeof ways)[0]]
    const fromFolder = await mounted(db, files)
    expect((await fromFolder().ended).exitCode).toBe(0)
    const fromBundle = await bundled(db, files)
    const { exitCode, stderr } = await fromBundle().ended
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('up to date')
  })

  test('a changed module is 21', async ({ db }) => {
    db.files({ '001_a.ts': table })
    expect((await db.up()).exitCode).toBe(0)
    db.files({ '001_a.ts': `${table}\n// more` })
    expect((await db.up()).exitCode).toBe(21)
  })

  test('a module without a down, and one whose file is gone, have no way back: 28', async ({ db }) => {
    const env = { UPFRONT_ENV: 'development' }
    const withDown = `${table}\nexport async function down(client) { await client.query('drop table a') }`
    db.files({ '001_a.ts': withDown, '002_b.ts': `export async function up() {}` })
    expect((await db.up([], env)).exitCode).toBe(0)
    expect((await db.run(['down'])).exitCode).toBe(28)
    db.files({ '002_b.ts': `export async function up() {}`, '002_b.down.sql': 'select 1' })
    const { exitCode, stderr } = await db.run(['down', '--step', '2'])
    expect(exitCode).toBe(28)
    expect(stderr).toContain('001_a')
  })

  test('a module may have its down as SQL, which the history keeps', async ({ db }) => {
    db.files({ '001_a.ts': table, '001_a.down.sql': 'drop table a' })
    expect((await db.up([], { UPFRONT_ENV: 'development' })).exitCode).toBe(0)
    db.files({ '000_first.sql': 'select 1' })
    const { exitCode, stderr } = await db.run(['down'])
    expect(exitCode, stderr).toBe(0)
    expect(await db.tables()).toEqual([])
  })

  test('a down that fails leaves it applied', async ({ db }) => {
    db.files({ '001_a.ts': `${table}\nexport async function down() { throw new Error('no way') }` })
    await db.up([], { UPFRONT_ENV: 'development' })
    const { exitCode, stderr } = await db.run(['down'])
    expect(exitCode).toBe(22)
    expect(stderr).toContain('no way')
    expect(await db.tables()).toEqual(['public.a'])
    expect(await db.history()).toEqual(['migration 001_a applied'])
  })
})
