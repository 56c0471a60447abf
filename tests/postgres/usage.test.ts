import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const mistakes: readonly [readonly string[], string, string][] = [
  [['stauts'], 'there is no command "stauts"', 'Did you mean status?'],
  [['frobnicate'], 'there is no command "frobnicate"', 'One of up, '],
  [['up', '--lock-wiat', '5s'], 'upfront up has no flag --lock-wiat', 'Did you mean --lock-wait?'],
  [['status', '--jsno'], 'upfront status has no flag --jsno', 'Did you mean --json?'],
  [['up', '--database-url', 'postgres://x'], 'upfront up has no flag --database-url', 'never by a flag'],
  [['up', 'now'], '"now" is one word too many for upfront up', 'upfront help'],
  [['up', '--seed'], '--seed needs a value', '--seed <value>'],
  [['status', '--json=yes'], '--json takes no value', 'upfront status --json'],
  [['up', '--lock-wait', 'soon'], '--lock-wait: "soon" is not a duration', '30s'],
]

test.for(mistakes)('upfront %j: exit 2, what is wrong and what to type', async ([args, what, next], { db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  const { exitCode, stdout, stderr } = await db.run(args)
  expect(exitCode).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain(what)
  expect(stderr).toContain(next)
  expect(stderr).toMatch(/^failed {9}2 USAGE: /m)
  expect(await db.tables()).toEqual([])
})

const environments: readonly [Record<string, string | undefined>, string][] = [
  [{ UPFRONT_LOCK_WIAT: '5s' }, 'UPFRONT_LOCK_WIAT: is not a setting; did you mean UPFRONT_LOCK_WAIT?'],
  [{ UPFRONT_SEED: 'a', UPFRONT_SEED_FILE: '/dev/null' }, 'UPFRONT_SEED and UPFRONT_SEED_FILE: both are set'],
  [{ UPFRONT_DATABASE_URL_FILE: '/dev/null' }, 'UPFRONT_DATABASE_URL and UPFRONT_DATABASE_URL_FILE: both are set'],
  [{ UPFRONT_DATABASE_URL: undefined }, 'no database is named; set DATABASE_URL'],
  [{ UPFRONT_DATABASE_URL: 'mysql://root@db/app' }, 'it is an address of MySQL'],
]

test.for(environments)('the environment %j: exit 2, nothing contacted', async ([env, what], { db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode).toBe(2)
  expect(stderr).toContain(what)
  expect(await db.tables()).toEqual([])
})

test('all mistakes of a configuration are told at once', async ({ db }) => {
  const env = {
    UPFRONT_LOCK_WAIT: '5',
    UPFRONT_OUT_OF_ORDER: 'aply',
    UPFRONT_DATABASE_URL: 'nonsense',
    UPFRONT_SED: 'x',
  }
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode).toBe(2)
  expect(stderr).toContain('the configuration has 4 problems')
  for (const text of [
    'UPFRONT_LOCK_WAIT: "5" has no unit',
    'did you mean apply?',
    'UPFRONT_DATABASE_URL: it does not begin with postgres://',
    'UPFRONT_SEED?',
  ]) {
    expect(stderr).toContain(text)
  }
})

test('an unknown UPFRONT_ variable is a warning, what Kubernetes injects is nothing', async ({ db }) => {
  db.files({ '001_a.sql': '' })
  const { exitCode, stderr } = await db.up([], {
    UPFRONT_FROBNICATION: '1',
    UPFRONT_PORT: 'tcp://10.0.0.1:80',
    UPFRONT_SERVICE_HOST: '10.0.0.1',
  })
  expect(exitCode).toBe(0)
  expect(stderr.match(/^warning .*/gm)).toEqual([expect.stringContaining('UPFRONT_FROBNICATION')])
})

test('.env in the working directory is read, and a database in the environment beats it', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  fs.writeFileSync(join(db.dir, '.env'), `DATABASE_URL=${db.url}\nUPFRONT_SCHEMA=from_dotenv\n`)

  const { exitCode, stderr, stdout } = await db.up([], { UPFRONT_DATABASE_URL: undefined })

  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('(DATABASE_URL (.env))')
  // dotenv likes to say hello.
  expect(stdout).toBe('')
  expect(stderr).not.toMatch(/dotenv/i)
  expect(await db.query('select name from from_dotenv.history')).toEqual([{ name: '001_a' }])

  fs.writeFileSync(join(db.dir, '.env'), 'UPFRONT_DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing\n')
  expect((await db.up()).stderr).toContain('(UPFRONT_DATABASE_URL)')
})

test('the first database that is named wins', async ({ db }) => {
  db.files({ '001_a.sql': '' })
  const wrong = 'postgres://nobody@127.0.0.1:1/nothing'
  const env = {
    UPFRONT_DATABASE_URL: undefined,
    MIGRATION_DATABASE_URL: db.url,
    DIRECT_URL: wrong,
    DATABASE_URL: wrong,
    PGHOST: '127.0.0.1',
  }
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('(MIGRATION_DATABASE_URL)')
})

const answers: readonly [readonly string[], RegExp][] = [
  [['help'], /usage: upfront \[command\]/],
  [['--help'], /usage: upfront \[command\]/],
  [['up', '-h'], /usage: upfront \[command\]/],
  [['version'], /^\d+\.\d+\.\d+\n$/],
  [['--version'], /^\d+\.\d+\.\d+\n$/],
  [['-v'], /^\d+\.\d+\.\d+\n$/],
]

test.for(answers)('upfront %j answers on stdout without a database or a folder', async ([args, answer], { db }) => {
  const { exitCode, stdout, stderr } = await db.run(args, { UPFRONT_DATABASE_URL: undefined })
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(answer)
  expect(stderr).toBe('')
})

test('a flag named help after the value of another is still a value', async ({ db }) => {
  db.files({ '001_a.sql': '' })
  const { exitCode } = await db.run(['up', '--schema', '-v'])
  // Either it is a schema of that name, or refused: never a version on stdout and nothing done.
  expect(exitCode === 2 || (await db.query(`select from pg_namespace where nspname = '-v'`)).length === 1).toBe(true)
})

test('the real process does the same as main() in this one', async ({ db }: { db: Database }) => {
  db.files({ '001_a.sql': 'create table a (id int)' })
  const first = await db.spawn([]).ended
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.applied).toEqual(['001_a'])
  const version = await db.spawn(['version']).ended
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect((await db.spawn(['nonsense']).ended).exitCode).toBe(2)
})
