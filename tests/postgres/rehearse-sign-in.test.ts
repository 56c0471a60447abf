// The walk-through of the README: a migration that would have blocked the sign-in, stopped before it ran.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/database.ts'
import { shadowed } from '../support/rehearse.ts'

const before = {
  '001_auth.sql': 'create schema auth; create table auth.users (id bigint primary key, email text not null unique);',
  '002_ingest.sql': `create schema ingest;
create table ingest.events (id bigint not null, user_id bigint, kind int not null, body text) partition by range (id);
create table ingest.events_1 partition of ingest.events for values from (0) to (200000);
create table ingest.events_2 partition of ingest.events for values from (200000) to (400000);`,
}

/** Two things in one file, because they were one ticket. */
const harmful = `alter table auth.users add column last_kind bigint;
alter table ingest.events alter column kind type bigint;
`

/** What differs from one machine to the next: times, versions, bytes. */
const normal = (text: string) =>
  text
    .replace(/\d+(\.\d+)? (ms|s)\b/g, 'TIME')
    .replace(/\d+(\.\d+)? (bytes|kB|MB|GB)/g, 'SIZE')
    .replace(/Postgres \d+\.\d+|target is \d+\.\d+/g, 'VERSION')
    .replace(/ {2,}/g, '  ')
    .replace(/[ \t]+$/gm, '')
    .trim()

test('rehearse stops a migration that would have blocked the sign-in, as the README shows it', async ({ db }) => {
  db.files(before)
  await db.up()
  await db.query(`insert into auth.users select i, 'user' || i || '@example.com' from generate_series(1, 20000) i;
    insert into ingest.events select i, i % 20000, 1, repeat('x', 80) from generate_series(1, 399999) i; analyze`)
  db.files({ ...before, '003_kinds.sql': harmful })

  const { exitCode, stdout, stderr } = await db.run(['rehearse', '--large', '32MB'], shadowed(db))

  expect(exitCode).toBe(28)
  if (process.env['SHOW']) console.log(stdout + stderr)
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const shown = /\$ docker run [^\n]*rehearse[^\n]*\n(.*?)```/s.exec(readme)![1]!
  expect(normal(shown)).toBe(normal(`${stdout.trimEnd()}\n${stderr}`))
  // Divided, each does its work alone: the sign-in is not kept waiting.
  db.files({ ...before, '003_users.sql': harmful.split('\n')[0]! })
  expect((await db.run(['rehearse', '--large', '32MB'], shadowed(db))).exitCode).toBe(0)
})
