// A database for each test, and upfront to run on it; nothing of either is left afterwards.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { test as base, inject } from 'vitest'
import { type Outcome, readOutput, runMain } from './run.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Names below a folder, with what is in each file. */
export type Files = Readonly<Record<string, string | Buffer>>

/** A fresh, empty database and the folders of one migrator. */
export interface Database {
  readonly name: string
  /** As the superuser. */
  readonly url: string
  /** A folder for whatever a test has to write; it is the working directory of every run too. */
  readonly dir: string
  readonly migrationsDir: string
  readonly seedsDir: string
  /** What every run sees; short timeouts, and no termination log. */
  readonly env: Env
  /** The same database by another way in: another role, another port. */
  urlOf(parts: { user?: string; password?: string; host?: string; port?: number; database?: string }): string
  /** Makes the migrations folder hold these files and no others. */
  files(files: Files): void
  /** Makes the seeds folder hold these files and no others. */
  seeds(files: Files): void
  /** `upfront up` in this process. */
  up(flags?: readonly string[], env?: Env, signal?: AbortSignal): Promise<Outcome>
  /** `up` with the log as JSON. */
  upJson(env?: Env, signal?: AbortSignal): Promise<Outcome>
  /** Any command in this process. */
  run(args: readonly string[], env?: Env, signal?: AbortSignal): Promise<Outcome>
  /** The real thing, for where death or signals are the subject. */
  spawn(args?: readonly string[], env?: Env): Child
  /** The rows of a query, as the superuser. */
  query<Row extends object = Record<string, unknown>>(sql: string): Promise<Row[]>
  /** A connection of its own, for blockers and witnesses. */
  connect(url?: string): Promise<pg.Client>
  /** A role that goes with the test; its name and password are made up, the rest is SQL. */
  role(attributes?: string): Promise<{ readonly user: string; readonly password: string }>
  /** `kind name state` of every row of the history in its order; null when there is none. */
  history(): Promise<string[] | null>
  /** Tables outside of our schema and of Postgres' own: `public.users`. */
  tables(): Promise<string[]>
  /** What runners have left on the server; a session that has said goodbye gets a moment to go. */
  leftovers(): Promise<{ sessions: number; locks: number }>
}

/** A process `node entrypoint.ts`. */
export interface Child {
  readonly pid: number
  readonly stderr: () => string
  kill(signal: NodeJS.Signals): void
  /** Resolves when the log holds the text; rejects when the process ends before. */
  says(text: string | RegExp): Promise<void>
  /** Resolves when the process is gone; a signal that killed it counts as 128 and its number, as in a shell. */
  readonly ended: Promise<Outcome>
}

/** `test` with a database `db` of the cluster. */
export const test = base.extend<{ db: Database }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads from the pattern what a fixture needs
  db: async ({}, use) => {
    await withDatabase(inject('postgresUrl'), use)
  },
})

/** A database on any server, for tests that need one of their own. */
export async function withDatabase(serverUrl: string, use: (db: Database) => Promise<void>): Promise<void> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const dir = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-test-'))
  const admin = await open(serverUrl)
  const cleanups: (() => Promise<unknown>)[] = []
  try {
    await createDatabase(admin, name)
    await use(makeDatabase(admin, serverUrl, name, dir, cleanups))
  } finally {
    // Last come, first gone: processes and clients before the roles they have.
    for (const cleanup of cleanups.reverse()) await cleanup().catch(() => {})
    // A test may have ended the server's sessions, or the server.
    await admin.query(`drop database if exists ${name} with (force)`).catch(() => {})
    await dropRoles(admin, name)
    await admin.end().catch(() => {})
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

/** Copies the template as files, the faster way by far; 14 knows no other and no word for it. */
async function createDatabase(admin: pg.Client, name: string): Promise<void> {
  try {
    await admin.query(`create database ${name} strategy file_copy`)
  } catch (error) {
    if ((error as { code?: string }).code !== '42601') throw error
    await admin.query(`create database ${name}`)
  }
}

function makeDatabase(
  admin: pg.Client,
  serverUrl: string,
  name: string,
  dir: string,
  cleanups: (() => Promise<unknown>)[],
): Database {
  const urlOf: Database['urlOf'] = ({ user, password, host, port, database = name }) => {
    const url = new URL(serverUrl)
    if (user !== undefined) [url.username, url.password] = [user, password ?? '']
    if (password !== undefined) url.password = encodeURIComponent(password)
    if (host !== undefined) url.hostname = host
    if (port !== undefined) url.port = String(port)
    url.pathname = `/${database}`
    return url.href
  }
  const url = urlOf({})
  const migrationsDir = join(dir, 'migrations')
  const seedsDir = join(dir, 'seeds')
  const env: Env = {
    UPFRONT_DATABASE_URL: url,
    UPFRONT_MIGRATIONS_DIR: migrationsDir,
    UPFRONT_SEEDS_DIR: seedsDir,
    UPFRONT_WAIT_TIMEOUT: '10s',
    UPFRONT_AUTH_GRACE: '200ms',
    UPFRONT_LOCK_WAIT: '20s',
    UPFRONT_TERMINATION_LOG: join(dir, 'termination-log'),
  }
  const connect = async (to = url) => {
    const client = await open(to)
    cleanups.push(() => client.end())
    return client
  }
  let own: Promise<pg.Client> | undefined
  const openOwn = async () => {
    const client = await connect()
    // A server that was restarted gets a new one.
    return client.once('end', () => (own = undefined))
  }
  const query: Database['query'] = async (sql) => (await (await (own ??= openOwn())).query(sql)).rows as never
  const run: Database['run'] = (args, more = {}, signal) =>
    runMain({ argv: args, env: { ...env, ...more }, cwd: dir, ...(signal ? { signal } : {}) })
  const ours = `datname = '${name}' and application_name like 'upfront/%'`
  return {
    name,
    url,
    dir,
    migrationsDir,
    seedsDir,
    env,
    urlOf,
    files: (files) => writeFolder(migrationsDir, files),
    seeds: (files) => writeFolder(seedsDir, files),
    run,
    up: (flags = [], more, signal) => run(['up', ...flags], more, signal),
    upJson: (more, signal) => run(['up'], { ...more, UPFRONT_LOG_FORMAT: 'json' }, signal),
    spawn: (args = [], more = {}) => {
      const child = spawnUpfront(args, { ...env, ...more }, dir)
      cleanups.push(() => (child.kill('SIGKILL'), child.ended))
      return child
    },
    query,
    connect,
    role: async (attributes = 'login') => {
      const user = `${name}_${randomBytes(3).toString('hex')}`
      const password = randomBytes(9).toString('hex')
      await admin.query(`create role ${user} ${attributes} password '${password}'`)
      return { user, password }
    },
    history: async () => {
      const [row] = await query<{ there: boolean }>(`select to_regclass('upfront.history') is not null as there`)
      if (!row!.there) return null
      const rows = await query<{ line: string }>(
        `select concat_ws(' ', kind, name, state) as line from upfront.history order by id`,
      )
      return rows.map(({ line }) => line)
    },
    tables: async () => {
      const rows = await query<{ name: string }>(
        `select schemaname || '.' || tablename as name from pg_tables
         where schemaname not in ('upfront', 'pg_catalog', 'information_schema') order by 1`,
      )
      return rows.map((row) => row.name)
    },
    leftovers: async () => {
      const count = async () => {
        const [row] = await query<{ sessions: number; locks: number }>(
          `select (select count(*)::int from pg_stat_activity where ${ours}) as sessions,
            (select count(*)::int from pg_locks l join pg_database d on d.oid = l.database
             where l.locktype = 'advisory' and d.datname = '${name}') as locks`,
        )
        return row!
      }
      let left = await count()
      for (const deadline = performance.now() + 1_000; left.sessions > 0 && performance.now() < deadline;) {
        await sleep(10)
        left = await count()
      }
      return left
    },
  }
}

/** Waits until a condition holds, a twentieth of a second at a time. */
export async function until(condition: () => Promise<boolean> | boolean, what: string, limitMs = 10_000) {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    await sleep(20)
  }
}

/** Replaces a folder; names may have folders in them. */
export function writeFolder(folder: string, files: Files): void {
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(dirname(join(folder, name)), { recursive: true })
    fs.writeFileSync(join(folder, name), content)
  }
}

const entrypoint = join(import.meta.dirname, '../../entrypoint.ts')
const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

function spawnUpfront(args: readonly string[], env: Env, cwd: string): Child {
  const child: ChildProcess = spawn(process.execPath, [entrypoint, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]): Outcome => {
    const exitCode = signal === null ? Number(code) : 128 + (signalNumbers[String(signal)] ?? 0)
    return { exitCode, ...readOutput(stdout, stderr) }
  })
  let over = false
  void ended.then(() => (over = true))
  return {
    pid: child.pid!,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    says: async (text) => {
      const said = () => (typeof text === 'string' ? stderr.includes(text) : text.test(stderr))
      await until(() => said() || over, `it said ${text}, but it said:\n${stderr}`)
      if (!said()) throw new Error(`it ended without saying ${text}:\n${stderr}`)
    },
    ended,
  }
}

async function open(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  // A test may take the server away.
  client.on('error', () => {})
  await client.connect()
  return client
}

async function dropRoles(admin: pg.Client, prefix: string): Promise<void> {
  const found = await admin
    .query<{ rolname: string }>(`select rolname from pg_roles where rolname ~ '^${prefix}_'`)
    .catch(() => ({ rows: [] }))
  for (const { rolname } of found.rows) await admin.query(`drop role ${rolname}`).catch(() => {})
}
