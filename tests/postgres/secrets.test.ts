import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'

const password = `p@ss:w/rd%25é"quote' x`

/** Every way in which it could get out. */
const inSql = password.replaceAll("'", "''")
const inUrl = encodeURIComponent(password).replaceAll("'", '%27')
const spellings = [
  password,
  inUrl,
  encodeURIComponent(password),
  inSql,
  JSON.stringify(password).slice(1, -1),
  'p@ss',
  'p%40ss',
]

async function roleWithPassword(db: Database) {
  const user = `${db.name}_s`
  await db.query(`create role ${user} login password '${password.replaceAll("'", "''")}'`)
  await db.query(`grant create on database ${db.name} to ${user}; grant create on schema public to ${user}`)
  return { user, url: db.urlOf({ user, password }) }
}

function expectNoSecret(text: string) {
  for (const spelling of spellings) expect(text).not.toContain(spelling)
}

async function everythingInTheDatabase(db: Database): Promise<string> {
  if ((await db.history()) === null) return ''
  const rows = await db.query('select h::text from upfront.history h union all select r::text from upfront.runs r')
  return JSON.stringify(rows)
}

const scenes: readonly [string, Record<string, string>, number][] = [
  ['a run that works', { '001_users.sql': 'create table users (id int)' }, 0],
  [
    'a migration whose error holds the password',
    {
      '001_tell.sql': `do $$ begin raise exception 'it is %', '${inSql}' using detail = '${inSql}', hint = 'postgres://u:${inUrl}@h/d'; end $$`,
    },
    22,
  ],
  [
    'a migration whose notice holds the password',
    { '001_tell.sql': `do $$ begin raise warning 'it is %', '${inSql}'; end $$` },
    0,
  ],
  ['a file with a syntax error on a line with the password', { '001_tell.sql': `alter role x pasword '${inSql}'` }, 20],
]

for (const format of ['text', 'json']) {
  test.for(scenes)(`%s, log as ${format}: the password is nowhere`, async ([, files, exit], { db }) => {
    const { url } = await roleWithPassword(db)
    db.files(files)
    const termination = join(db.dir, 'termination-log')
    fs.writeFileSync(termination, '')

    const env = { UPFRONT_DATABASE_URL: url, UPFRONT_LOG_FORMAT: format, UPFRONT_LOG_LEVEL: 'debug' }
    const { exitCode, stdout, stderr } = await db.run(['up'], env)

    expect(exitCode, stderr).toBe(exit)
    expectNoSecret(stdout)
    expectNoSecret(stderr)
    expectNoSecret(fs.readFileSync(termination, 'utf8'))
    expectNoSecret(await everythingInTheDatabase(db))
  })
}

test('a password that is refused is not shown', async ({ db }) => {
  const { user } = await roleWithPassword(db)
  db.files({ '001_users.sql': '' })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ user, password: `${password}!` }) })
  expect(exitCode).toBe(24)
  expectNoSecret(stderr)
})

test('a URL that does not parse is not shown', async ({ db }) => {
  db.files({ '001_users.sql': '' })
  for (const url of [
    `postgres//app:${password}@host/db`,
    `postgres://app:s3cr3t-word@host:port/db`,
    'app:s3cr3t-word@host',
  ]) {
    const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: url })
    expect(exitCode).toBe(2)
    expectNoSecret(stderr)
    expect(stderr).not.toContain('s3cr3t')
    expect(stderr).toContain('UPFRONT_DATABASE_URL')
  }
})

test('a connection string typed where it does not belong is not shown', async ({ db }) => {
  for (const args of [
    ['postgres://app:s3cr3t@db/app'],
    ['up', 'postgres://app:s3cr3t@db/app'],
    ['up', '--database=postgres://app:s3cr3t@db/app'],
    ['up', '--seed', 'postgres://app:s3cr3t@db/app'],
  ]) {
    const { exitCode, stderr } = await db.run(args)
    expect(exitCode).toBe(2)
    expect(stderr).not.toContain('s3cr3t')
  }
})

test('while a migration runs: not in the process title, not in its arguments, not in pg_stat_activity', async ({
  db,
}) => {
  const { url } = await roleWithPassword(db)
  db.files({ '001_slow.sql': 'select pg_sleep(60)' })
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: url })
  await until(
    async () =>
      (await db.query(`select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`))
        .length > 0,
    'it sleeps',
  )

  const activity = await db.query('select * from pg_stat_activity where datname = current_database()')
  expectNoSecret(JSON.stringify(activity))
  expect(activity).toContainEqual(expect.objectContaining({ application_name: expect.stringMatching(/^upfront\/\d/) }))
  if (fs.existsSync('/proc/self/cmdline')) {
    expectNoSecret(fs.readFileSync(`/proc/${running.pid}/cmdline`, 'utf8'))
    expectNoSecret(fs.readFileSync(`/proc/${running.pid}/comm`, 'utf8'))
  }
  running.kill('SIGTERM')
  const { stderr } = await running.ended
  expectNoSecret(stderr)
})

test('a password from a file opens the door and is not shown', async ({ db }) => {
  const { url } = await roleWithPassword(db)
  db.files({ '001_users.sql': 'create table users (id int)' })
  fs.writeFileSync(join(db.dir, 'url'), `${url}\n`)
  const env = { UPFRONT_DATABASE_URL: undefined, DATABASE_URL_FILE: join(db.dir, 'url'), UPFRONT_LOG_LEVEL: 'debug' }
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('(DATABASE_URL_FILE)')
  expectNoSecret(stderr)
})
