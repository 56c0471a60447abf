// Folders that other tools' generators and people have filled: they run unchanged, as their own tool runs them.
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { test } from '../support/database.ts'

const long = `${'a_rather_long_name_that_a_generator_has_made_of_two_tables'}_and_their_columns_fk`
const lock = { 'migration_lock.toml': 'provider = "postgresql"\n' }

describe('of prisma', () => {
  const files = {
    ...lock,
    '0_init/migration.sql': `create type mood as enum ('ok');\ncreate table users (id int primary key, name text);\n`,
    '20240101000000_long/migration.sql': `alter table users add constraint "${long}" check (id > 0);\n`,
    '20240102000000_enum/migration.sql': `alter type mood add value 'great';\n`,
    '20240103000000_block/migration.sql':
      'create table before (id int);\nBEGIN;\ncreate table inside (id int);\nCOMMIT;\ncreate table behind (id int);\n',
    '20240104000000_index/migration.sql': '-- CreateIndex\ncreate index concurrently users_name on users (name);\n',
    '20240105000000_windows/migration.sql': 'create table windows (id int);\r\n-- a comment\r\n',
  }
  const names = [
    'migration 0_init applied',
    'migration 20240101000000_long applied',
    'migration 20240102000000_enum applied',
    'migration 20240103000000_block applied',
    'migration 20240104000000_index applied',
    'migration 20240105000000_windows applied',
  ]

  test('names that Postgres cuts, values of enums, BEGIN ... COMMIT in the middle: all of it runs', async ({ db }) => {
    db.files(files)
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.history()).toEqual(names)
    expect((await db.tables()).sort()).toEqual(
      ['before', 'behind', 'inside', 'users', 'windows'].map((one) => `public.${one}`),
    )
    const [cut] = await db.query<{ conname: string }>(
      `select conname from pg_constraint where conrelid = 'users'::regclass and contype = 'c'`,
    )
    expect(cut!.conname).toBe(long.slice(0, 63))
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('compiled into a bundle they are the same: nothing is pending for the one after the other', async ({ db }) => {
    db.files(files)
    const compiled = await db.run(['compile', '--out', 'bundle'])
    expect(compiled.exitCode, compiled.stderr).toBe(0)
    expect(compiled.stderr).toContain('long-name is allowed here (prisma runs it as well)')
    const bundle = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
    expect((await db.up([], bundle)).exitCode).toBe(0)
    expect(await db.history()).toEqual(names)
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('a block that fails in its middle is gone, what stood before it stays, and the next run goes on there', async ({
    db,
  }) => {
    const broken = 'create table before (id int);\nBEGIN;\ncreate table inside (id int);\nselect 1 / 0;\nCOMMIT;\n'
    db.files({ ...lock, '1_a/migration.sql': broken })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(23)
    expect(await db.tables()).toEqual(['public.before'])
    db.files({ ...lock, '1_a/migration.sql': broken.replace('1 / 0', '1') })
    expect((await db.up()).exitCode).toBe(0)
    expect((await db.tables()).sort()).toEqual(['public.before', 'public.inside'])
  })

  test('what prisma itself would refuse stays refused, and nothing has run', async ({ db }) => {
    db.files({
      ...lock,
      '1_a/migration.sql': 'create table a (id int);\n',
      '2_b/migration.sql': 'create table b (id int);\ncreate index concurrently b_id on b (id);\n',
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain('2_b/migration.sql:2:1')
    expect(await db.tables()).toEqual([])
  })
})

test('a folder for each migration without a mark is nobody knows whose: an error that names both', async ({ db }) => {
  db.files({ '1_a/migration.sql': 'create table a (id int)' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(20)
  expect(stderr).toContain('UPFRONT_FORMAT=prisma, or UPFRONT_FORMAT=drizzle')
  expect((await db.up([], { UPFRONT_FORMAT: 'prisma' })).exitCode).toBe(0)
  expect(await db.tables()).toEqual(['public.a'])
})

test('upfront new makes no migration in a folder that another tool fills', async ({ db }) => {
  db.files({ ...lock, '1_a/migration.sql': 'create table a (id int);\n' })
  const { exitCode, stderr } = await db.run(['new', 'add_users'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('Make it with prisma')
})

test('squawk warns of a file of another tool once, whatever it finds in it', async ({ db }) => {
  const many = 'create table a (id int);\ncreate table b (id int);\nalter table a add constraint c check (id > 0);\n'
  db.files({ ...lock, '1_a/migration.sql': many })
  const { exitCode, stderr } = await db.run(['compile'])
  expect(exitCode, stderr).toBe(0)
  expect(stderr.match(/^warning /gm)).toHaveLength(1)
  expect(stderr).toMatch(/And \d more: squawk\//)
})
