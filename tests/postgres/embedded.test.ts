import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { memoryFolder } from '../../src/embedded/memory.ts'
import { startPostgres, withPostgres } from '../../src/embedded/postgres.ts'
import { isRunning } from '../support/is-running.ts'

// Seven at once want two seconds of a processor each.
vi.setConfig({ testTimeout: 60_000 })

const root = join(import.meta.dirname, '../..')
const isRoot = process.geteuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }

test('a server answers, restarts with its data, and leaves nothing behind', async () => {
  const { folder, pid, log } = await withPostgres({ password: 'p@ss word' }, async (server) => {
    expect(await query(server.url, 'show server_encoding')).toBe('UTF8')
    expect(await query(server.url, 'show fsync')).toBe('off')
    await query(server.url, 'create table kept as select 1 as one')
    const before = server.pid

    await server.restart('immediate', { max_connections: '33' })

    expect(server.pid).not.toBe(before)
    expect(await query(server.url, 'show max_connections')).toBe('33')
    expect(await query(server.url, 'select one from kept')).toBe(1)
    return { folder: dirname(server.dataDir), pid: server.pid!, log: server.log }
  })

  expect(fs.existsSync(folder)).toBe(false)
  expect(isRunning(pid)).toBe(false)
  expect(log()).toContain('shut down')
})

test('durable keeps the durability of Postgres, and files and pg_hba lines reach the server', async () => {
  const options = { durable: true, hba: 'host all guest all trust', files: { 'note.txt': 'hello' } }
  await withPostgres(options, async ({ url, port }) => {
    expect(await query(url, 'show fsync')).toBe('on')
    expect(await query(url, "select pg_read_file('note.txt')")).toBe('hello')
    await query(url, 'create role guest login')
    expect(await query(`postgres://guest@127.0.0.1:${port}/postgres`, 'select 1')).toBe(1)
    await expect(query(`postgres://postgres:wrong@127.0.0.1:${port}/postgres`, 'select 1')).rejects.toThrow('password')
  })
})

test('halt and boot: the server is away for a while, on the same port', async () => {
  await using server = await startPostgres({ auth: 'trust' })
  await server.halt()
  expect(server.pid).toBeUndefined()
  await expect(query(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  await server.boot()
  expect(await query(server.url, 'select 1')).toBe(1)
})

test('a server that cannot start says why in the words of Postgres', async () => {
  await expect(startPostgres({ settings: { max_connections: 'many' } })).rejects.toThrow('max_connections')
  await withPostgres({}, async ({ port }) => {
    await expect(startPostgres({ port })).rejects.toThrow('could not bind')
  })
})

const endings = [
  ['SIGTERM', 'setInterval(() => {}, 1000)', 'SIGTERM'],
  ['SIGINT', 'setInterval(() => {}, 1000)', 'SIGINT'],
  ['process.exit', 'process.exit(7)', 7],
  ['an exception nobody catches', 'setTimeout(() => { throw new Error("lost") })', 1],
  ['an event loop with nothing left', '', 0],
] as const

test.concurrent.for(endings)('a process ended by %s leaves no server and no folder', async ([name, ending, code]) => {
  await using child = run(`const server = await startPostgres({}); console.log(server.pid); ${ending}`)
  const pid = await child.nextLine()
  if (name.startsWith('SIG')) child.kill(name as NodeJS.Signals)
  expect(await child.ended).toBe(code)
  expect(isRunning(Number(pid))).toBe(false)
  expect(fs.readdirSync(child.tmp)).toEqual([])
})

test.concurrent('a signal during initdb leaves nothing either', async ({ expect }) => {
  await using child = run('console.log("starting"); await startPostgres({})')
  await child.nextLine()
  await expect.poll(() => fs.globSync(`${child.tmp}/*/data/base/1`), { interval: 5, timeout: 5_000 }).toHaveLength(1)
  child.kill('SIGTERM')
  expect(await child.ended).toBe('SIGTERM')
  expect(fs.readdirSync(child.tmp)).toEqual([])
})

test.concurrent.for([
  ['while it runs', 'const { pid } = await startPostgres({}); console.log(pid); setInterval(() => {}, 1000)'],
  [
    'with its data elsewhere',
    `const { pid } = await startPostgres({ dataIn: '/var/tmp' }); console.log(pid); setInterval(() => {}, 1000)`,
  ],
  ['during initdb', 'console.log(0); await startPostgres({})'],
])('a process killed without a word leaves no server and no folder: %s', async ([, code], { expect }) => {
  await using child = run(code!)
  const pid = Number(await child.nextLine())
  if (pid === 0)
    await expect.poll(() => fs.globSync(`${child.tmp}/*/data/base/1`), { interval: 5, timeout: 5_000 }).toHaveLength(1)
  const data = fs.globSync(`${child.tmp}/*/data`).map((path) => fs.realpathSync(path))
  expect(data).toHaveLength(1)
  child.kill('SIGKILL')
  expect(await child.ended).toBe('SIGKILL')
  await expect.poll(() => fs.readdirSync(child.tmp), { timeout: 10_000 }).toEqual([])
  await expect.poll(() => fs.existsSync(data[0]!), { timeout: 10_000 }).toBe(false)
  if (pid !== 0) await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false)
})

test('data that lies elsewhere is removed too, and survives a restart', async () => {
  const elsewhere = fs.mkdtempSync(join(fs.realpathSync('/var/tmp'), 'upfront-test-'))
  fs.chmodSync(elsewhere, 0o777)
  try {
    await withPostgres({ dataIn: elsewhere }, async (server) => {
      await query(server.url, 'create table kept as select 1 as one')
      expect(fs.realpathSync(server.dataDir)).toContain(elsewhere)
      await server.restart()
      expect(await query(server.url, 'select one from kept')).toBe(1)
    })
    expect(fs.readdirSync(elsewhere)).toEqual([])
  } finally {
    fs.rmSync(elsewhere, { recursive: true, force: true })
  }
})

test('memory holds data only where plenty of it is there', () => {
  expect(memoryFolder(2 ** 30)).toBeUndefined()
  expect([undefined, '/dev/shm']).toContain(memoryFolder(Infinity))
})

test.concurrent('when somebody else handles the signal, the server lives until they are done', async () => {
  await using child = run(`
    await withPostgres({}, async (server) => {
      const signal = new Promise((resolve) => process.once('SIGTERM', resolve))
      const timer = setInterval(() => {}, 1000)
      console.log('ready')
      await signal
      console.log(server.pid === undefined ? 'gone' : 'alive')
      clearInterval(timer)
    })`)
  await child.nextLine()
  child.kill('SIGTERM')
  expect(await child.nextLine()).toBe('alive')
  expect(await child.ended).toBe(0)
  expect(fs.readdirSync(child.tmp)).toEqual([])
})

// In a clone that others may not read, such a user cannot run anything.
test.runIf(isRoot && isShared(root)).concurrent('an ordinary user runs it in place', async () => {
  await using child = run('await withPostgres({}, async ({ binDir }) => console.log(binDir))', nobody)
  expect(await child.nextLine()).toContain('node_modules')
  expect(await child.ended).toBe(0)
  expect(fs.readdirSync(child.tmp)).toEqual([])
})

async function query(connectionString: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString })
  // The server may go before the connection does.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query({ text, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

// A node of its own with an empty folder for temporary files, which must be empty again when it ends.
function run(code: string, account: { uid?: number; gid?: number } = {}) {
  const tmp = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-test-'))
  fs.chmodSync(tmp, 0o777)
  const module = JSON.stringify(join(root, 'src/embedded/postgres.ts'))
  const script = `import { startPostgres, withPostgres } from ${module}\n${code}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    ...account,
    cwd: '/',
    env: { PATH: process.env.PATH, TMPDIR: tmp },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'close').then(([exitCode, signal]) => signal ?? exitCode)
  const lines = child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })
  return {
    tmp,
    ended,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    nextLine: async () => String((await lines.next()).value).trim(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      fs.rmSync(tmp, { recursive: true, force: true })
    },
  }
}

function isShared(path: string): boolean {
  const mayEnter = (fs.statSync(path).mode & 0o005) === 0o005
  return mayEnter && (path === dirname(path) || isShared(dirname(path)))
}
