// The tenants as rows and lines say them: what is wrong with one of them fails that one, and no word of it leaks.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const files = { '001_a.sql': 'create table a (id int)' }

async function withTenants(db: Database, count: number, use: (names: readonly string[]) => Promise<void>) {
  const names = Array.from({ length: count }, (_, i) => `${db.name}_t${i}`)
  for (const name of names) await db.query(`create database ${name}`)
  try {
    await use(names)
  } finally {
    for (const name of names) await db.query(`drop database ${name} with (force)`)
  }
}

test('names and groups that are numbers in the query are names and groups', async ({ db }) => {
  db.files(files)
  await withTenants(db, 2, async ([one, two]) => {
    const env = {
      UPFRONT_FLEET_QUERY: `select d as database, n as name, g as "group"
        from (values ('${one}', 1, 7), ('${two}', 2, 8)) v (d, n, g)`,
    }
    const only = await db.run(['fleet', 'up', '--only', '2'], env)
    expect(only.stdout, only.stderr).toContain('1 done')
    const group = await db.run(['fleet', 'up', '--only', '7'], env)
    expect(group.stdout, group.stderr).toContain('1 done')
    for (const shard of ['0', '1']) {
      const { exitCode, stderr } = await db.run(['fleet', 'up'], {
        ...env,
        UPFRONT_FLEET_SHARDS: '2',
        UPFRONT_FLEET_SHARD: shard,
      })
      expect(exitCode, stderr).toBe(0)
    }
    expect((await db.run(['fleet', 'status'], env)).stdout).toBe(
      '2 tenants: 2 done, 0 failed, 0 running, 0 behind, 0 new\n',
    )
  })
})

test('a malformed URL and a database that is null fail their tenants alone', async ({ db }) => {
  db.files(files)
  await withTenants(db, 1, async ([one]) => {
    const env = {
      UPFRONT_FLEET_QUERY: `select * from (values ('${db.urlOf({ database: one! })}', 'good'),
        ('postgres://u:hidden 1@h/d', 'bad'), ('mysql://u:hidden2@h/d', null), (null, 'new')) v (url, name)`,
    }
    const { exitCode, stdout, stderr } = await db.run(['fleet', 'up'], env)
    expect(exitCode, stderr).toBe(35)
    expect(stdout).toContain('1 done, 0 with nothing to do, 3 failed, 0 not tried')
    expect(stderr).toContain('bad')
    expect(stderr).toContain('row 3')
    const status = await db.run(['fleet', 'status', '--json'], env)
    const plan = await db.run(['fleet', 'plan'], env)
    expect(plan.exitCode, plan.stderr).toBe(35)
    expect(JSON.parse(status.stdout)).toMatchObject({ done: 1, failed: 3, new: 0 })
    const rows = JSON.stringify(await db.query('select * from upfront.fleet'))
    for (const text of [stdout, stderr, status.stdout, plan.stdout, plan.stderr, rows])
      expect(text).not.toContain('hidden')
    const all = await db.run(['fleet', 'up'], { UPFRONT_FLEET_QUERY: 'select 1 as a, 2 as b' })
    expect(all.exitCode).toBe(2)
  })
})

test('what was meant as a connection string is no name of a database', async ({ db }) => {
  db.files(files)
  const file = join(db.dir, 'fleet.txt')
  const lines = [
    'host=h user=u password=hidden1 dbname=d',
    'postgres//user:hidden2@host/db',
    'user:hidden3@host/db',
    "dbname=d password = 'hidden4'",
    'host=h PASSWORD=hidden5',
  ]
  writeFileSync(file, `# all of them\r\n${lines.join('\r\n')}\r\n`)
  const env = { UPFRONT_FLEET_FILE: file }
  const { exitCode, stdout, stderr } = await db.run(['fleet', 'up'], { ...env, UPFRONT_LOG_FORMAT: 'json' })
  expect(exitCode, stderr).toBe(35)
  expect(stdout).toContain('5 failed')
  const status = await db.run(['fleet', 'status', '--json'], env)
  expect(status.stdout).toContain('line 2')
  const rows = JSON.stringify(await db.query('select * from upfront.fleet'))
  for (const text of [stdout, stderr, status.stdout, rows]) expect(text).not.toContain('hidden')
})

test('no name leaves the comment that it stands in', async ({ db }) => {
  db.files(files)
  await withTenants(db, 1, async ([one]) => {
    const plan = await db.run(['fleet', 'plan'], {
      UPFRONT_FLEET_QUERY: `select '${one}' as database, E'a\\ndrop table b; --' as name`,
    })
    expect(plan.stdout, plan.stderr).toContain('-- 1 × a\\ndrop table b; --')
  })
})
