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
