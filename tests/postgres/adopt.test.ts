// What another tool has applied is taken over: recorded as adopted, never run twice, its table only read.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const lock = { 'migration_lock.toml': 'provider = "postgresql"\n' }
const users = 'create table users (id int primary key);\n'
const posts = 'create table posts (id int primary key);\n'
const tags = 'create table tags (id int primary key);\n'
const files = { ...lock, '1_users/migration.sql': users, '2_posts/migration.sql': posts, '3_tags/migration.sql': tags }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Prisma's table, with a row for each of these. */
async function prismaHas(db: Database, ...rows: readonly (readonly [name: string, sql: string, state?: string])[]) {
  await db.query(`create table if not exists _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null,
    finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
    started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`)
  for (const [name, sql, state] of rows) {
    await db.query(`insert into _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
      values (gen_random_uuid(), '${sha256(sql)}', ${state === 'failed' ? 'null' : 'now()'}, '${name}', 1)`)
    if (state !== 'failed') await db.query(sql)
  }
}

const theirs = (db: Database) => db.query('select * from _prisma_migrations order by migration_name')

test('what prisma has applied is recorded as adopted, and the rest runs', async ({ db }) => {
  db.files(files)
  await prismaHas(db, ['1_users', users], ['2_posts', posts])
  const before = await theirs(db)

  const { exitCode, stderr, applied } = await db.up()

  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain(
    'adopted        2 migrations that prisma has applied (public._prisma_migrations): 1_users, 2_posts',
  )
  expect(applied).toEqual(['3_tags'])
  expect(await db.history()).toEqual([
    'migration 1_users adopted',
    'migration 2_posts adopted',
    'migration 3_tags applied',
  ])
  expect(await theirs(db)).toEqual(before)
  expect((await db.up()).stderr).toContain('up to date')
})

test('when prisma has applied all of it, nothing runs, and the next start asks one question', async ({ db }) => {
  db.files(files)
  await prismaHas(db, ['1_users', users], ['2_posts', posts], ['3_tags', tags])
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual([])
  expect(await db.query('select outcome, bundle is not null as whole from upfront.runs')).toEqual([
    { outcome: 'done', whole: true },
  ])
  expect((await db.up()).stderr).toContain('up to date')
})

test('from a bundle the same, and the folder finds nothing to do', async ({ db }) => {
  db.files(files)
  await prismaHas(db, ['1_users', users.replaceAll('\n', '\r\n')])
  expect((await db.run(['compile', '--out', 'bundle'])).exitCode).toBe(0)
  const { exitCode, stderr, applied } = await db.up([], { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') })
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['2_posts', '3_tags'])
  expect((await db.up()).stderr).toContain('up to date')
})

test('rows that prisma adds later are adopted by the next run that finds something to do', async ({ db }) => {
  db.files({ ...lock, '1_users/migration.sql': users })
  await db.up()
  await prismaHas(db, ['2_posts', posts])
  db.files(files)
  const { exitCode, stderr, applied } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['3_tags'])
  expect(await db.history()).toContain('migration 2_posts adopted')
})

describe('what prisma leaves in doubt is 21, nothing runs, and a command decides', () => {
  test('edited after it was applied', async ({ db }) => {
    db.files({ ...files, '1_users/migration.sql': `${users}-- edited\n` })
    await prismaHas(db, ['1_users', users])
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('- 1_users: edited after prisma applied it')
    expect(stderr).toContain('upfront repair --done 1_users --reason "..."')
    expect(await db.history()).toBeNull()

    expect((await db.run(['repair', '--done', '1_users', '--reason', 'only a comment'])).exitCode).toBe(0)
    expect((await db.up()).applied).toEqual(['2_posts', '3_tags'])
  })

  test('failed half way', async ({ db }) => {
    db.files(files)
    await prismaHas(db, ['1_users', users], ['2_posts', posts, 'failed'])
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('- 2_posts: prisma began it and did not finish it')
    expect(await db.tables()).not.toContain('public.tags')

    await db.query(`update _prisma_migrations set rolled_back_at = now() where migration_name = '2_posts'`)
    expect((await db.up()).applied).toEqual(['2_posts', '3_tags'])
  })

  test('applied, and no file is there', async ({ db }) => {
    db.files(files)
    await prismaHas(db, ['0_gone', 'select 1'], ['1_users', users])
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('0_gone: applied by prisma, but this bundle has no such file')
    expect((await db.up([], { UPFRONT_MISSING: 'ignore' })).applied).toEqual(['2_posts', '3_tags'])
  })
})

test('rows behind all of our files are of a newer image: said, and no reason to stop', async ({ db }) => {
  db.files(files)
  await prismaHas(db, ['1_users', users], ['2_posts', posts], ['3_tags', tags], ['4_newer', 'select 1'])
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('prisma has applied 4_newer, of which this bundle has no file')
})

test('status and plan tell it before anything is done, and write nothing', async ({ db }) => {
  db.files(files)
  await prismaHas(db, ['1_users', users])
  const { stdout } = await db.run(['status'])
  expect(stdout).toContain('a folder of prisma; the history of prisma is in public._prisma_migrations')
  expect(stdout).toMatch(/^to adopt +1_users +prisma/m)
  expect(stdout).toMatch(/^pending +2_posts/m)
  expect((await db.run(['plan'])).stdout).toContain('-- recorded as applied, because another tool has: 1_users')
  expect(await db.history()).toBeNull()
})

test('the gate lets pass when prisma has applied all of it, though nobody has taken it over', async ({ db }) => {
  db.files(files)
  await prismaHas(db, ['1_users', users], ['2_posts', posts])
  const gate = () => db.run(['wait', '--wait-timeout', '300ms'])
  const closed = await gate()
  expect(closed.exitCode, closed.stderr).toBe(34)
  expect(closed.stderr).toContain('1 migration still pending: 3_tags')
  await prismaHas(db, ['3_tags', tags])
  expect((await gate()).exitCode).toBe(0)
  expect(await db.history()).toBeNull()
})

test('while prisma holds its own lock nothing is adopted and nothing runs', async ({ db }) => {
  db.files(files)
  const other = await db.connect()
  await other.query('select pg_advisory_lock(72707369)')
  const { exitCode, stderr } = await db.up([], { UPFRONT_LOCK_WAIT: '1s' })
  expect(exitCode, stderr).toBe(31)
  expect(await db.history()).toBeNull()
  await other.end()
  expect((await db.up()).applied).toEqual(['1_users', '2_posts', '3_tags'])
})

test('a history that nobody has told us of: 21 that names the format, unless it is said to be somebody else’s', async ({
  db,
}) => {
  db.files({ '001_users.sql': users })
  await db.query('create table schema_migrations (version bigint primary key, dirty boolean not null)')
  await db.query('insert into schema_migrations values (1, false)')
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('this database has a history of golang-migrate')
  expect(stderr).toContain('UPFRONT_FORMAT=golang-migrate')
  expect(await db.tables()).not.toContain('public.users')
  const status = await db.run(['status'])
  expect(status.exitCode).toBe(0)
  expect(status.stderr).toContain('up ends with 21: this database has a history of golang-migrate')
  expect((await db.up([], { UPFRONT_FORMAT: 'plain' })).applied).toEqual(['001_users'])
})

describe('a home-made history', () => {
  const plain = { '001_users.sql': users, '002_posts.sql': posts, '003_tags.sql': tags }

  test.for([
    ['names with an extension', `('001_users.sql'), ('002_posts.js')`],
    ['names without', `('001_users'), ('002_posts')`],
    ['versions', `('1'), ('002')`],
  ])('of %s is taken over from the column that UPFRONT_ADOPT names', async ([, values], { db }) => {
    db.files(plain)
    await db.query(`${users} ${posts} create schema app; create table app."Done" (what text);`)
    await db.query(`insert into app."Done" values ${values!}`)
    const { exitCode, stderr, applied } = await db.up([], { UPFRONT_ADOPT: 'app.Done.what' })
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['003_tags'])
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('without the table there is nothing to take over; another column is exit 2', async ({ db }) => {
    db.files(plain)
    await db.query('create table done (version text)')
    expect((await db.up([], { UPFRONT_ADOPT: 'public.done.name' })).exitCode).toBe(2)
    expect((await db.up([], { UPFRONT_ADOPT: 'done' })).exitCode).toBe(2)
    expect((await db.up([], { UPFRONT_ADOPT: 'public.nothing.name' })).exitCode).toBe(0)
  })
})

describe('what we have taken back or forgotten is ours to run again', () => {
  const goose = (n: number) => ({
    [`0000${n}_t${n}.sql`]: `-- +goose Up\ncreate table t${n} (id int);\n-- +goose Down\ndrop table t${n};\n`,
  })
  const all = { ...goose(1), ...goose(2), ...goose(3) }
  const development = { UPFRONT_ENV: 'development' }

  /** goose has applied the first two. */
  const gooseHas = (db: Database) =>
    db.query(`create table goose_db_version (id integer primary key generated by default as identity,
      version_id bigint not null, is_applied boolean not null, tstamp timestamp not null default now());
      insert into goose_db_version (version_id, is_applied) values (0, true), (1, true), (2, true);
      create table t1 (id int); create table t2 (id int)`)

  test.for([{}, { UPFRONT_WRITE_BACK: 'true' }])('by down, with %j', async (more, { db }) => {
    const env = { ...development, ...more }
    db.files(all)
    await gooseHas(db)
    expect((await db.up([], env)).applied).toEqual(['00003_t3'])
    const down = await db.run(['down', '--step', '2'], env)
    expect(down.exitCode, down.stderr).toBe(0)
    expect(await db.tables()).toEqual(expect.not.arrayContaining(['public.t2', 'public.t3']))
    const { exitCode, stderr, applied } = await db.up([], env)
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['00002_t2', '00003_t3'])
    const versions = await db.query<{ id: string }>('select version_id as id from goose_db_version order by id')
    expect(versions.map(({ id }) => id)).toEqual(more.UPFRONT_WRITE_BACK ? ['0', '1', '2', '3'] : ['0', '1', '2'])
  })

  test('by repair --forget', async ({ db }) => {
    db.files(all)
    await gooseHas(db)
    await db.up()
    await db.query('drop table t2')
    expect((await db.run(['repair', '--forget', '00002_t2', '--reason', 'lost'])).exitCode).toBe(0)
    expect((await db.up([], { UPFRONT_OUT_OF_ORDER: 'apply' })).applied).toEqual(['00002_t2'])
  })

  test('what was settled before it was taken over is taken back in the order of the files', async ({ db }) => {
    db.files({ ...all, ...goose(4) })
    await gooseHas(db)
    await db.query('create table t4 (id int)')
    expect((await db.run(['repair', '--done', '00004_t4', '--reason', 'by hand'], development)).exitCode).toBe(0)
    expect((await db.up([], { ...development, UPFRONT_OUT_OF_ORDER: 'apply' })).exitCode).toBe(0)
    const rows = await db.query<{ name: string }>('select name from upfront.history order by id')
    expect(rows.map(({ name }) => name)).toEqual(['00001_t1', '00002_t2', '00004_t4', '00003_t3'])
  })
})

test('one number says nothing of a file that came later between those that it covers', async ({ db }) => {
  const up = (n: number) => ({
    [`${n}_t.up.sql`]: `create table t${n} (id int);\n`,
    [`${n}_t.down.sql`]: `drop table t${n};\n`,
  })
  db.files({ ...up(1), ...up(3) })
  const env = { UPFRONT_WRITE_BACK: 'true' }
  expect((await db.up([], env)).exitCode).toBe(0)
  db.files({ ...up(1), ...up(2), ...up(3) })
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('- 2_t: not applied, though a later one is')
  expect((await db.up([], { ...env, UPFRONT_OUT_OF_ORDER: 'apply' })).applied).toEqual(['2_t'])
})

test('a gate whose role may read our history alone says what is pending', async ({ db }) => {
  db.files({ ...lock, '1_users/migration.sql': users })
  await db.up()
  await prismaHas(db, ['2_posts', posts])
  db.files(files)
  const { user, password } = await db.role()
  await db.query(`grant usage on schema upfront to ${user}; grant select on all tables in schema upfront to ${user}`)
  const url = db.urlOf({ user, password })
  const { exitCode, stderr } = await db.run(['wait', '--wait-timeout', '300ms'], { UPFRONT_DATABASE_URL: url })
  expect(exitCode, stderr).toBe(34)
})

test('one number without a file is of other migrations: 21, and nothing counts as applied', async ({ db }) => {
  db.files({ '1_t.up.sql': 'create table t (id int);\n', '1_t.down.sql': 'drop table t;\n' })
  await db.query('create table schema_migrations (version bigint not null primary key, dirty boolean not null)')
  await db.query('insert into schema_migrations values (500, false)')
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('version 500: applied by golang-migrate, but this bundle has no such file')
  expect(await db.history()).toBeNull()
})
