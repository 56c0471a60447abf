// What other tools have applied is told before it is taken over, and asking for it changes nothing.
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const one = 'create table a (id int);\n'
const files = {
  'migration_lock.toml': 'provider = "postgresql"\n',
  '1_a/migration.sql': one,
  '2_b/migration.sql': 'create table b (id int);\n',
}

/** The table of prisma as prisma makes it, with the first of these files applied. */
async function prismaHas(db: Database, schema: string) {
  const table = `${schema}._prisma_migrations`
  await db.query(`create schema if not exists ${schema};
    create table ${table} (id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz,
      migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
      started_at timestamptz not null default now(), applied_steps_count integer not null default 0);
    insert into ${table} values ('1', '${createHash('sha256').update(one).digest('hex')}', now(), '1_a', null, null, now(), 1)`)
}

test.for([
  ['public', ''],
  ['app', '?schema=app'],
] as const)('status and plan read the history of prisma in schema %s', async ([schema, parameter], { db }) => {
  db.files(files)
  await prismaHas(db, schema)
  const env = { UPFRONT_DATABASE_URL: db.url + parameter }
  const status = await db.run(['status'], env)
  expect(status.stdout, status.stderr).toMatch(/^to adopt {2}1_a {3}prisma$/m)
  expect(status.stdout).toMatch(/^pending {3}2_b$/m)
  const plan = await db.run(['plan'], env)
  expect(plan.stdout, plan.stderr).toContain('-- recorded as applied, because another tool has: 1_a\n')
  expect(plan.stdout).toContain('create table b')
  expect(await db.history()).toBeNull()
})

test('an older image takes nothing over, and status says so', async ({ db }) => {
  const users = '-- migrate:up\ncreate table users (id int, name text);\n-- migrate:down\n'
  const drop = '-- upfront:contract\n-- migrate:up\nalter table users drop column name;\n-- migrate:down\n'
  const older = { '1_users.sql': users, '2_drop.sql': drop }
  db.files({ '1_users.sql': users })
  await db.up()
  db.files({ ...older, '3_x.sql': '-- migrate:up\ncreate table x ();\n-- migrate:down\n' })
  await db.up()
  await db.query(`create table schema_migrations (version varchar primary key); insert into schema_migrations values ('1'), ('2');
    alter table users drop column name`)
  db.files(older)
  expect((await db.up()).stderr).toContain('ahead')
  const { exitCode, stdout } = await db.run(['status', '--exit-code'])
  expect(exitCode, stdout).toBe(0)
  expect(stdout).toMatch(/^deferred +2_drop/m)
})
