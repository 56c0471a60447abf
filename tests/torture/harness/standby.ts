// A streaming standby: a copy of a primary's data folder that follows it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Server } from '../../../src/embedded/postgres.ts'
import { claimFolder, isAlive, release, serverAccount } from '../../../src/embedded/claims.ts'
import { until } from '../../support/database.ts'
import { freePort } from './ports.ts'

export interface Standby {
  readonly port: number
  /** The same database as one of the primary's, here. */
  urlOf(url: string): string
  /** Whether it answers questions. */
  isReady(): Promise<boolean>
  /** Makes it a primary. */
  promote(): Promise<void>
  /** Whether it has all that the primary has written. */
  untilCaughtUp(primary: Server): Promise<void>
}

export interface StandbyOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** Where it finds the primary, when not at its own port: a way that can be cut. */
  readonly primaryPort?: number
}

/** Stops the primary for a copy, starts both, and runs `use`; the standby is gone afterwards. */
export async function withStandby(
  primary: Server,
  options: StandbyOptions,
  use: (standby: Standby) => Promise<void>,
): Promise<void> {
  const account = serverAccount()
  const claim = claimFolder(account)
  const dataDir = join(claim.folder, 'data')
  try {
    await primary.halt('fast')
    // Keeps owners and modes, which Postgres insists on.
    const copied = spawnSync('cp', ['-a', primary.dataDir, dataDir])
    if (copied.status !== 0) throw new Error(`cp: ${String(copied.stderr)}`)
    await primary.boot()
    fs.rmSync(join(dataDir, 'postmaster.pid'), { force: true })
    writeAs(account, join(dataDir, 'standby.signal'), '')
    const port = await freePort()
    const from = `host=127.0.0.1 port=${options.primaryPort ?? primary.port} user=${primary.user} password=${primary.password}`
    const settings = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      primary_conninfo: `${from} application_name=standby`,
      wal_retrieve_retry_interval: '200ms',
      hot_standby: 'on',
      fsync: 'off',
      ...options.settings,
    }
    const flags = Object.entries(settings).map(([name, value]) => `-c${name}=${value}`)
    const logFile = fs.openSync(join(claim.folder, 'log'), 'a')
    claim.child = spawn(join(primary.binDir, 'postgres'), ['-D', dataDir, ...flags], {
      ...account,
      cwd: claim.folder,
      detached: true,
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', logFile, logFile],
    })
    fs.closeSync(logFile)
    await use(describe(primary, port, dataDir))
  } finally {
    await stop(claim.child)
    release(claim)
  }
}

function describe(primary: Server, port: number, dataDir: string): Standby {
  const ask = async (onPort: number, sql: string): Promise<unknown> => {
    const url = new URL(primary.url)
    url.port = String(onPort)
    const client = new pg.Client({ connectionString: url.href })
    client.on('error', () => {})
    await client.connect()
    try {
      return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0]!)[0]
    } finally {
      await client.end()
    }
  }
  const isReady = () =>
    ask(port, 'select 1').then(
      () => true,
      () => false,
    )
  return {
    port,
    urlOf: (url) => url.replace(`:${primary.port}/`, `:${port}/`),
    isReady,
    promote: async () => {
      await ask(port, 'select pg_promote()')
      await until(async () => (await ask(port, 'select pg_is_in_recovery()')) === false, 'it is a primary')
    },
    untilCaughtUp: async () => {
      await until(isReady, `the standby in ${dataDir} answers`)
      const written = String(await ask(primary.port, 'select pg_current_wal_lsn()'))
      const replayed = `select coalesce(pg_last_wal_replay_lsn() >= '${written}', false)`
      await until(async () => (await ask(port, replayed)) === true, 'the standby has it all')
    },
  }
}

async function stop(child: ReturnType<typeof spawn> | undefined): Promise<void> {
  if (!isAlive(child)) return
  const gone = once(child, 'exit')
  child.kill('SIGQUIT')
  await gone
}

function writeAs(account: { uid?: number; gid?: number }, path: string, text: string): void {
  fs.writeFileSync(path, text, { mode: 0o600 })
  if (account.uid !== undefined) fs.chownSync(path, account.uid, account.gid ?? account.uid)
}
