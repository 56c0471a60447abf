import * as fs from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

test('nothing pending: one connection, one query, no lock, no write', async ({ db }) => {
  await migrate(db)
  await using proxy = await startProxy(Number(new URL(db.url).port))
  const before = await stateOf(db)

  const { exitCode } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })

  expect(exitCode).toBe(0)
  expect(proxy.connections()).toBe(1)
  const queries = proxy.messages.filter(({ type }) => type === 'Q' || type === 'P')
  expect(queries.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^select command[^;]* from "?upfront"?\.runs/),
  ])
  await until(() => proxy.messages.at(-1)!.type === 'X', 'it has said goodbye')
  expect(await stateOf(db)).toEqual(before)
})

test('nothing pending, with seeds: still one connection and one query', async ({ db }) => {
  db.seeds({ '010_plans.sql': 'select 1', 'demo/020_more.sql': 'select 2' })
  const seed = { UPFRONT_SEED: 'demo' }
  await migrate(db, seed)
  await using proxy = await startProxy(Number(new URL(db.url).port))

  const { exitCode, stderr } = await db.up([], { ...seed, UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })

  expect(exitCode).toBe(0)
  expect(stderr).toContain('up to date     2 migrations and the seeds for demo')
  expect(proxy.messages.filter(({ type }) => type === 'Q' || type === 'P')).toHaveLength(1)
})

test('nothing pending prints at most four lines', async ({ db }) => {
  await migrate(db)
  const { stderr, stdout } = await db.up()
  expect(stdout).toBe('')
  expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(4)
  expect(stderr.trimEnd().split('\n').at(-1)).toBe('up to date     2 migrations')
})

test('nothing pending does not load umzug; something pending does', async ({ db }) => {
  const log = join(db.dir, 'loaded')
  const hook = join(db.dir, 'hook.mjs')
  fs.writeFileSync(
    hook,
    `import { appendFileSync } from 'node:fs'
     import { registerHooks } from 'node:module'
     registerHooks({ load: (url, context, next) => (appendFileSync(${JSON.stringify(log)}, url + '\\n'), next(url, context)) })`,
  )
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(hook).href}` }
  const loaded = async () => {
    fs.rmSync(log, { force: true })
    const { exitCode, stderr } = await db.spawn(['up'], env).ended
    expect(exitCode, stderr).toBe(0)
    const files = fs.readFileSync(log, 'utf8')
    return { umzug: /node_modules\/umzug\//.test(files), pg: /node_modules\/pg\//.test(files) }
  }
  db.files(files)

  expect(await loaded()).toEqual({ umzug: true, pg: true })
  expect(await loaded()).toEqual({ umzug: false, pg: true })
})

test('nothing pending, but the newest run was of another bundle: noted once, then one query again', async ({ db }) => {
  await migrate(db)
  await db.query(`update upfront.runs set bundle = 'another'`)

  const { exitCode, stderr } = await db.up()

  expect(exitCode).toBe(0)
  expect(stderr).toContain('up to date     2 migrations')
  await using proxy = await startProxy(Number(new URL(db.url).port))
  await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }) })
  expect(proxy.messages.filter(({ type }) => type === 'Q' || type === 'P')).toHaveLength(1)
})

test('nothing pending does not wait for a lock that somebody holds', async ({ db }) => {
  await migrate(db)
  await db.query(`update upfront.runs set bundle = 'another'`)
  const { lockKey } = await import('../../src/postgres/lock-key.ts')
  const holder = await db.connect()
  await holder.query(`select pg_advisory_lock(${lockKey('upfront')})`)

  const { exitCode, stderr } = await db.up([], { UPFRONT_LOCK_WAIT: '5s' })

  expect(exitCode).toBe(0)
  expect(stderr).toContain('up to date     2 migrations')
})

const files = { '001_users.sql': 'create table users (id int)', '002_posts.sql': 'create table posts (id int)' }

async function migrate(db: Database, env = {}) {
  db.files(files)
  expect((await db.up([], env)).exitCode).toBe(0)
}

async function stateOf(db: Database) {
  return {
    history: await db.query('select * from upfront.history order by id'),
    runs: await db.query('select * from upfront.runs order by id'),
    left: await db.leftovers(),
  }
}
