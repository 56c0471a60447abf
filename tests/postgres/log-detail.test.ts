import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { up } from '../../src/index.ts'
import { type Database, test } from '../support/database.ts'

const off = { UPFRONT_LOG_DETAIL: 'off' }
const secret = 'alice@example.org'

/** Everywhere that a row could have been written down. */
async function everything(db: Database, env: Record<string, string>) {
  const path = join(db.dir, 'termination-log')
  let all = ''
  for (const format of ['text', 'json']) {
    writeFileSync(path, '')
    const { stderr, stdout, exitCode } = await db.up([], { ...env, UPFRONT_LOG_FORMAT: format })
    expect(exitCode, stderr).not.toBe(0)
    all += stderr + stdout + readFileSync(path, 'utf8')
  }
  return all + JSON.stringify(await db.query('select * from upfront.runs'))
}

test('UPFRONT_LOG_DETAIL=off leaves out DETAIL and CONTEXT, where rows may stand', async ({ db }) => {
  db.files({
    '0001_t.sql': `create table t (mail text); insert into t values ('${secret}'), ('${secret}')`,
    '0002_unique.sql': 'alter table t add unique (mail)',
  })
  const told = await everything(db, {})
  expect(told).toContain(`Key (mail)=(${secret}) is duplicated.`)
  await db.query('drop schema upfront cascade; drop table t')

  const kept = await everything(db, off)
  expect(kept).not.toContain(secret)
  // What it is about is still said: the first line of Postgres, and the line of the file.
  expect(kept).toContain('could not create unique index')
  expect(kept).toContain('alter table t add unique (mail)')
})

test('a function that fails names no row either, and the API neither', async ({ db }) => {
  db.files({
    '0001_t.sql': `create table t (mail text); insert into t values ('${secret}')`,
    '0002_f.sql': `do $$ begin execute (select format('update t set mail = %L where 1 / 0 = 1', mail) from t); end $$`,
  })
  expect(await everything(db, {})).toContain(secret)
  expect(await everything(db, off)).not.toContain(secret)
  const heard: string[] = []
  const failure = await up({
    databaseUrl: db.url,
    migrationsDir: db.migrationsDir,
    settings: { logDetail: 'off' },
    onEvent: (event) =>
      heard.push(JSON.stringify(event, (_, value) => (value instanceof Error ? { ...value } : value))),
  }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'FAILED' })
  expect((failure as { facts: object }).facts).not.toHaveProperty('where')
  expect(heard.join()).not.toContain(secret)
})

test('UPFRONT_LOG_DETAIL=off names who blocks, and not what they are at', async ({ db }) => {
  db.files({ '0001_t.sql': 'create table t (mail text)' })
  await db.up()
  const blocker = await db.connect()
  await blocker.query('begin')
  await blocker.query(`insert into t values ('${secret}')`)
  db.files({ '0001_t.sql': 'create table t (mail text)', '0002_t.sql': 'alter table t add n int' })
  const env = { UPFRONT_LOCK_TIMEOUT: '2s', UPFRONT_LOCK_RETRY: '1s' }
  const told = await db.up([], env)
  expect(told.exitCode).toBe(33)
  expect(told.stderr).toContain(secret)
  const kept = await db.up([], { ...env, ...off })
  expect(kept.exitCode).toBe(33)
  expect(kept.stderr).toContain('select pg_terminate_backend(')
  expect(kept.stderr).not.toContain(secret)
})
