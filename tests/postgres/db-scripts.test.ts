import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/database.ts'
import { copyRepository } from '../support/program.ts'

// A person's day with this template: each test goes on where the one before it has left.
let dir = ''
let remove = () => {}
let port = 0
let server: ChildProcess | undefined
let said = ''

beforeAll(async () => {
  ;({ dir, remove } = copyRepository('migrations', 'seeds'))
  port = await freePort()
})

afterAll(async () => {
  await stop('SIGINT')
  remove()
})

/** Without whatever database the environment of these tests names. */
function environment(): NodeJS.ProcessEnv {
  const named = /^(UPFRONT_|PG[A-Z]+$|(MIGRATION_)?DATABASE_URL|DIRECT_URL)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !named.test(name)))
}

async function start() {
  said = ''
  const args = ['scripts/db.ts', 'up', '--embedded', '--port', String(port)]
  const child = spawn(process.execPath, args, { cwd: dir, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] })
  server = child
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)))
  await until(() => said.includes('Ctrl-C stops it') || child.exitCode !== null, 'the server was up', 60_000)
  expect(child.exitCode, said).toBeNull()
}

async function stop(signal: 'SIGINT' | 'SIGTERM'): Promise<number | null> {
  const child = server
  server = undefined
  if (!child || child.exitCode !== null) return child?.exitCode ?? null
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
  return child.exitCode
}

async function npm(script: string, ...args: string[]) {
  const run = promisify(execFile)('npm', ['run', '--silent', script, ...args], { cwd: dir, env: environment() })
  return run.then(
    ({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ exitCode: code as number, stdout: String(stdout), stderr: String(stderr) }),
  )
}

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: `postgres://postgres:postgres@127.0.0.1:${port}/app` })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('db:up starts a Postgres, and makes an .env that the other scripts find', { timeout: 90_000 }, async () => {
  await start()
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/app`
  expect(said).toContain(url)
  expect(said).toContain('npm run db:migrate')
  expect(fs.readFileSync(join(dir, '.env'), 'utf8')).toContain(`DATABASE_URL=${url}\nUPFRONT_ENV=development\n`)
})

test('db:status, db:migrate, db:seed, db:status', { timeout: 60_000 }, async () => {
  const before = await npm('db:status')
  expect(before.exitCode, before.stderr).toBe(0)
  expect(before.stdout).toMatch(/8 pending/)
  const early = await npm('db:seed')
  expect(early.exitCode, early.stderr).toBe(34)
  const migrated = await npm('db:migrate')
  expect(migrated.exitCode, migrated.stderr).toBe(0)
  expect(migrated.stderr).toContain('8 migrations applied')
  const seeded = await npm('db:seed')
  expect(seeded.exitCode, seeded.stderr).toBe(0)
  expect(seeded.stderr).toMatch(/^seeded {9}development\//m)
  expect((await npm('db:status')).stdout).toMatch(/8 applied/)
})

test('db:rollback takes one back without asking, db:migrate brings it again', { timeout: 60_000 }, async () => {
  fs.writeFileSync(
    join(dir, 'migrations/0009_notes.sql'),
    'create table notes (id int);\n-- upfront:down\ndrop table notes;\n',
  )
  expect((await npm('db:migrate')).exitCode).toBe(0)
  const back = await npm('db:rollback')
  expect(back.exitCode, back.stderr).toBe(0)
  expect(back.stderr).toMatch(/^reverted {7}0009_notes/m)
  const again = await npm('db:migrate')
  expect(again.stderr).toMatch(/^applied {8}0009_notes/m)
})

test(
  'verify:database finds out what the folder makes, and what somebody has changed',
  { timeout: 90_000 },
  async () => {
    const right = await npm('verify:database')
    expect(right.exitCode, right.stderr).toBe(0)
    expect(right.stdout).toMatch(/^\d+ objects are as the migrations make them/)
    await query('alter table notes add column by_hand int')
    const wrong = await npm('verify:database')
    expect(wrong.exitCode).toBe(27)
    expect(wrong.stdout).toMatch(/^unexpected +column public\.notes\.by_hand/m)
    await query('alter table notes drop column by_hand')
  },
)

test('db:reset makes all of it anew, with the seeds for development', { timeout: 90_000 }, async () => {
  await query('insert into notes values (1)')
  const { exitCode, stderr } = await npm('db:reset')
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/^reset +\d+ objects dropped/m)
  expect(stderr).toMatch(/^seeded {9}development\//m)
  expect(await query('select * from notes')).toEqual([])
  expect((await npm('db:migrate')).stderr).toContain('up to date')
})

test('a second db:up says that it is running already', async () => {
  const args = ['scripts/db.ts', 'up', '--embedded', '--port', String(port)]
  const second = await promisify(execFile)(process.execPath, args, { cwd: dir, env: environment() }).catch(
    (error) => error,
  )
  expect(second.code).toBe(1)
  expect(second.stderr).toContain(`port ${port} already`)
  expect(second.stderr).not.toContain('    at ')
})

test('Ctrl-C stops it, and the data is there when it starts again', { timeout: 90_000 }, async () => {
  expect(await stop('SIGINT')).toBe(0)
  expect(said).toContain('stopped')
  await expect(query('select 1')).rejects.toThrow('ECONNREFUSED')
  const env = fs.readFileSync(join(dir, '.env'), 'utf8')

  await start()

  expect(await query('select count(*)::int as n from upfront.history where name like $$0009%$$')).toEqual([{ n: 1 }])
  // An .env that is there is somebody's.
  expect(said).toContain('use what .env names')
  expect(fs.readFileSync(join(dir, '.env'), 'utf8')).toBe(env)
  expect((await npm('db:migrate')).stderr).toContain('up to date')
  expect(await stop('SIGTERM')).toBe(0)
})

test('db:seed:test seeds another environment', { timeout: 90_000 }, async () => {
  await start()
  const { exitCode, stderr } = await npm('db:seed:test')
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/^seeded {9}test\//m)
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return free
}
