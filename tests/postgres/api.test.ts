import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect, promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, vi } from 'vitest'
import { type Event, Failure, status, up, wait } from '../../src/index.ts'
import { type Database, test, until } from '../support/database.ts'
import { buildProgram } from '../support/program.ts'

const files = { '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' }

function options(db: Database) {
  return { databaseUrl: db.url, migrationsDir: db.migrationsDir, seedsDir: db.seedsDir }
}

async function failure(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    (value) => new Error(`resolved with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof Failure)) throw error
  return error
}

describe('in the own process', () => {
  test('up answers with what it applied, and with nothing the second time', async ({ db }) => {
    db.files(files)
    db.seeds({ '010_a.sql': 'insert into a values (1)' })
    const first = await up({ ...options(db), seed: 'demo' })
    expect(first).toEqual({ applied: ['001_a', '002_b'], seeded: ['010_a.sql'], ahead: [] })
    expect(await up({ ...options(db), seed: 'demo' })).toEqual({ applied: [], seeded: [], ahead: [] })
    db.files({ '001_a.sql': files['001_a.sql'] })
    expect(await up(options(db))).toEqual({ applied: [], seeded: [], ahead: ['002_b'] })
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('status answers with data, before and after', async ({ db }) => {
    db.files(files)
    expect(await status(options(db))).toMatchObject({
      state: 'pending',
      migrations: [{ name: '001_a', state: 'pending', applied_at: null, duration_ms: null }, { name: '002_b' }],
      seeds: [],
    })
    expect(await db.history()).toBeNull()
    await up(options(db))
    expect(await status(options(db))).toMatchObject({
      state: 'up_to_date',
      bundle: expect.stringMatching(/^v1:sha256:/),
      migrations: [{ state: 'applied', applied_at: expect.stringMatching(/Z$/), duration_ms: expect.any(Number) }, {}],
    })
    db.files({ ...files, '001_a.sql': 'select 1' })
    expect(await status(options(db))).toMatchObject({ state: 'mismatch' })
  })

  test('wait resolves when it is there, and throws PENDING when it is not', async ({ db }) => {
    db.files(files)
    const settings = { waitTimeout: '300ms' }
    expect(await failure(wait({ ...options(db), settings }))).toMatchObject({ code: 'PENDING', exitCode: 34 })
    const waiting = wait(options(db))
    await up(options(db))
    expect(await waiting).toBeUndefined()
  })

  test('what goes wrong is a Failure with its code and its facts', async ({ db }) => {
    db.files({ '001_a.sql': 'create table a (id int);\nselect 1 / 0;' })
    const failed = await failure(up(options(db)))
    expect(failed).toMatchObject({
      code: 'FAILED',
      exitCode: 22,
      message: expect.stringContaining('001_a failed'),
      facts: { sqlstate: '22012', place: { line: 2, column: 1 } },
    })
    db.files({ '001_a.sql': 'not sql' })
    expect(await failure(up(options(db)))).toMatchObject({ code: 'INVALID', facts: { problems: [{}] } })
    db.files({})
    expect(await failure(up(options(db)))).toMatchObject({ code: 'INVALID' })
    const nowhere = { ...options(db), databaseUrl: 'postgres://app@127.0.0.1:1/x', settings: { waitTimeout: '200ms' } }
    db.files(files)
    expect(await failure(up(nowhere))).toMatchObject({ code: 'NOT_READY' })
  })

  test('neither environment nor .env is read unless it is given', async ({ db }) => {
    db.files(files)
    fs.writeFileSync(join(db.dir, '.env'), `DATABASE_URL=${db.url}\n`)
    vi.stubEnv('DATABASE_URL', db.url)
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(db.dir)
    try {
      const { migrationsDir } = options(db)
      expect(await failure(up({ migrationsDir }))).toMatchObject({ code: 'USAGE' })
      const env = { DATABASE_URL: db.url, UPFRONT_SCHEMA: 'from_env' }
      expect(await up({ migrationsDir, env })).toMatchObject({ applied: ['001_a', '002_b'] })
      expect(await db.query(`select to_regclass('from_env.history') is not null as there`)).toEqual([{ there: true }])
      expect(await up({ migrationsDir, env, settings: { schema: 'from_settings' } }).catch((error) => error.code)).toBe(
        'MISMATCH',
      )
    } finally {
      cwd.mockRestore()
      vi.unstubAllEnvs()
    }
  })

  test('a setting that does not exist, or is wrong, is USAGE', async ({ db }) => {
    db.files(files)
    expect(await failure(up({ ...options(db), settings: { waitTimout: '1s' } }))).toMatchObject({ code: 'USAGE' })
    expect(await failure(up({ ...options(db), settings: { waitTimeout: 'soon' } }))).toMatchObject({ code: 'USAGE' })
    expect(await failure(up({ ...options(db), databaseUrl: 'nonsense' }))).toMatchObject({ code: 'USAGE' })
  })

  test('onEvent hears everything, also of a run that fails', async ({ db }) => {
    db.files(files)
    const heard: Event[] = []
    await up({ ...options(db), onEvent: (event) => heard.push(event) })
    expect(heard.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['start', 'ready', 'applied', 'applied', 'done']),
    )
    db.files({ ...files, '003_bad.sql': 'select 1 / 0' })
    const after: Event[] = []
    await failure(up({ ...options(db), onEvent: (event) => after.push(event) }))
    expect(after.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'FAILED' } })
  })

  test('no password in what onEvent hears or the call throws, also when a module says it', async ({ db }) => {
    const role = await db.role('superuser login')
    const databaseUrl = db.urlOf(role)
    const thrower = `export async function up() { throw new Error('cannot reach ${databaseUrl}') }`
    db.files({ '001_a.mjs': thrower })
    const heard: Event[] = []
    const thrown = await failure(up({ ...options(db), databaseUrl, onEvent: (event) => heard.push(event) }))
    expect(thrown).toMatchObject({ code: 'FAILED' })
    expect(inspect([heard, thrown], { depth: 20 })).toContain('cannot reach')
    expect(inspect([heard, thrown], { depth: 20 })).not.toContain(role.password)
  })

  test('an onEvent that throws does not decide what happens to the database', async ({ db }) => {
    db.files(files)
    const onEvent = (event: Event) => {
      if (event.type === 'applied') throw new Error('the ear is broken')
    }
    await up({ ...options(db), onEvent }).catch(() => {})
    expect(await db.history()).toEqual(['migration 001_a applied', 'migration 002_b applied'])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
    expect((await db.up()).exitCode).toBe(0)
  })

  test('a signal stops it: rolled back, and told as a Failure', async ({ db }) => {
    db.files({ ...files, '003_slow.sql': 'create table slow (id int); select pg_sleep(60)' })
    const controller = new AbortController()
    const running = failure(up({ ...options(db), signal: controller.signal }))
    await until(async () => {
      const rows = await db.query(`select from pg_stat_activity where datname = current_database()
        and wait_event = 'PgSleep'`)
      return rows.length > 0
    }, 'it sleeps')
    controller.abort(new Error('enough'))
    expect(await running).toMatchObject({ code: 'INTERRUPTED_TERM' })
    expect(await db.tables()).toEqual(['public.a', 'public.b'])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('a signal that has come already lets nothing begin', async ({ db }) => {
    db.files(files)
    const stopped = await failure(up({ ...options(db), signal: AbortSignal.abort() }))
    expect(stopped).toMatchObject({ code: 'INTERRUPTED_TERM' })
    expect(await db.history()).toBeNull()
  })

  test('many at once in one process: each migration once', async ({ db }) => {
    db.files(files)
    const results = await Promise.all(Array.from({ length: 8 }, () => up(options(db))))
    expect(results.flatMap(({ applied }) => applied).sort()).toEqual(['001_a', '002_b'])
  })

  test('nothing is printed, no listener stays on the process', async ({ db }) => {
    db.files(files)
    const written: string[] = []
    const spies = [process.stdout, process.stderr].map((stream) =>
      vi.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0),
    )
    const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)])
    const before = listeners()
    try {
      await up(options(db))
      await status(options(db))
      await wait(options(db))
      await up({ ...options(db), databaseUrl: 'nonsense' }).catch(() => {})
    } finally {
      spies.forEach((spy) => spy.mockRestore())
    }
    expect(written).toEqual([])
    expect(listeners()).toEqual(before)
  })
})

describe('installed by npm in a project of its own', () => {
  let project = ''
  const run = (command: string, ...args: string[]) =>
    promisify(execFile)(command, args, { cwd: project, env: { ...process.env, DATABASE_URL: '' }, timeout: 60_000 })
  const node = (...args: string[]) => run(process.execPath, ...args)

  beforeAll(async () => {
    const { dir, remove } = await buildProgram('--program', '--api')
    project = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-foreign-'))
    try {
      await promisify(execFile)('npm', ['pack', '--pack-destination', project], { cwd: dir })
    } finally {
      remove()
    }
    const [tarball] = fs.readdirSync(project)
    // Their own copies, of the versions that are in npm's cache already.
    const versions = ['vitest', 'typescript', '@types/node'].map((name) => `${name}@${installedVersion(name)}`)
    fs.writeFileSync(join(project, 'package.json'), '{ "name": "foreign", "private": true, "type": "module" }\n')
    await run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`, ...versions)
  }, 180_000)

  afterAll(() => fs.rmSync(project, { recursive: true, force: true }))

  function write(name: string, text: string): void {
    fs.mkdirSync(dirname(join(project, name)), { recursive: true })
    fs.writeFileSync(join(project, name), text)
  }

  test('it brings no packages but types', () => {
    const lock = JSON.parse(fs.readFileSync(join(project, 'package-lock.json'), 'utf8'))
    expect(Object.keys(lock.packages['node_modules/upfront'].dependencies)).toEqual(['@types/pg'])
    const size = fs
      .readdirSync(join(project, 'node_modules/upfront'), { recursive: true, withFileTypes: true })
      .reduce((sum, entry) => sum + (entry.isFile() ? fs.statSync(join(entry.parentPath, entry.name)).size : 0), 0)
    expect(size).toBeLessThan(12e6)
  })

  test('a script gets what was applied, prints nothing else, and ends by itself', async ({ db }) => {
    db.files({ ...files, '003_c.ts': `import type { Migration } from 'upfront'
export const up: Migration['up'] = async (client) => void (await client.query('create table c (id int)'))` }) // prettier-ignore
    write(
      'migrate.mjs',
      `import { Failure, up, status, wait } from 'upfront'
const options = { databaseUrl: process.argv[2], migrationsDir: process.argv[3] }
const { applied } = await up(options)
await wait(options)
const { state } = await status(options)
const error = await up({ ...options, migrationsDir: '/nowhere' }).catch((error) => error)
console.log(JSON.stringify({ applied, state, code: error.code, known: error instanceof Failure }))`,
    )
    const begun = performance.now()
    const { stdout, stderr } = await node('migrate.mjs', db.url, db.migrationsDir)
    expect(JSON.parse(stdout)).toEqual({
      applied: ['001_a', '002_b', '003_c'],
      state: 'up_to_date',
      code: 'INVALID',
      known: true,
    })
    expect(stderr).toBe('')
    expect(performance.now() - begun).toBeLessThan(10_000)
  })

  test('after a failure and after an abort the process ends by itself as well', async ({ db }) => {
    db.files({ '001_slow.sql': 'select pg_sleep(60)' })
    write(
      'fail.mjs',
      `import { up } from 'upfront'
const options = { databaseUrl: process.argv[2], migrationsDir: process.argv[3] }
const codes = []
codes.push(await up({ ...options, signal: AbortSignal.timeout(1500) }).catch(({ code }) => code))
codes.push(await up({ ...options, databaseUrl: 'postgres://app@127.0.0.1:1/x', settings: { waitTimeout: '300ms' } }).catch(({ code }) => code))
console.log(JSON.stringify(codes))`,
    )
    const { stdout, stderr } = await node('fail.mjs', db.url, db.migrationsDir)
    expect(JSON.parse(stdout)).toEqual(['INTERRUPTED_TERM', 'NOT_READY'])
    expect(stderr).toBe('')
  })

  test('no exception of a module or of an ear reaches the host, and the host keeps its own', async ({ db }) => {
    write(
      'host.mjs',
      `import { rmSync, writeFileSync } from 'node:fs'
import { up } from 'upfront'
const heard = []
process.on('uncaughtException', ({ message }) => heard.push(message))
process.on('unhandledRejection', ({ message }) => heard.push(message))
const migrationsDir = process.argv[3]
const options = { databaseUrl: process.argv[2], migrationsDir }
const outcomes = []
const run = async (name, body, more = {}) => {
  writeFileSync(migrationsDir + '/' + name, body)
  outcomes.push(await up({ ...options, ...more }).then(() => 'fine', ({ code, message }) => code ?? message))
}
const sleep = \`await client.query('select pg_sleep(0.2)')\`
setTimeout(() => { throw new Error('own exception') }, 50)
setTimeout(() => { Promise.reject(new Error('own rejection')) }, 60)
await run('002_a.mjs', \`export async function up(client) { Promise.reject(new Error('x')); \${sleep} }\`)
await run('002_a.mjs', \`// 2\nexport async function up(client) { setTimeout(() => { throw new Error('y') }, 9); \${sleep} }\`)
rmSync(migrationsDir + '/002_a.mjs')
const loud = 'do $$ begin raise notice $q$n$q$; end $$'
await run('002_a.sql', loud, { onEvent: ({ type }) => { if (type === 'notice') throw new Error('broken ear') } })
await run('002_b.sql', loud, { onEvent: async ({ type }) => { if (type === 'notice') throw new Error('late ear') } })
for (const reason of [null, 'a text', undefined, 7]) {
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 400)
  await run('003_b.sql', 'select pg_sleep(9)', { signal: controller.signal })
}
await new Promise((resolve) => setTimeout(resolve, 200))
console.log(JSON.stringify({ outcomes, heard }))`,
    )
    db.files({ '001_a.sql': 'create table a (id int)' })
    const { stdout, stderr } = await node('host.mjs', db.url, db.migrationsDir)
    const stopped = 'INTERRUPTED_TERM'
    expect(JSON.parse(stdout)).toEqual({
      outcomes: ['FAILED', 'FAILED', 'broken ear', 'late ear', stopped, stopped, stopped, stopped],
      heard: ['own exception', 'own rejection'],
    })
    expect(stderr).toBe('')
  })

  test('its types are strict, and wrong calls do not compile', async () => {
    write(
      'typed.ts',
      `import { Failure, failures, status, up, wait } from 'upfront'
import type { Event, FailureCode, FailureFacts, Migration, MigrationContext } from 'upfront'

export const migration: Migration = {
  up: async (client, { signal, log }: MigrationContext) => {
    const { rows } = await client.query<{ n: number }>('select 1 as n')
    log(\`\${rows[0]?.n} \${signal.aborted}\`)
  },
  transaction: false,
}

export async function use(databaseUrl: string): Promise<readonly string[]> {
  const onEvent = (event: Event) => (event.type === 'applied' ? event.durationMs : 0)
  try {
    const { applied, seeded, ahead } = await up({ databaseUrl, onEvent, signal: AbortSignal.timeout(1), seed: 'test' })
    await wait({ databaseUrl, settings: { waitTimeout: '5s' } })
    const { migrations } = await status({ env: process.env })
    return [...applied, ...seeded, ...ahead, ...migrations.map(({ name }) => name)]
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const code: FailureCode = error.code
    const facts: FailureFacts = error.facts
    return [code, String(failures[code].exit), facts.next ?? '']
  }
}

// @ts-expect-error there is no such option
export const wrong = up({ databaseURL: 'x' })
// @ts-expect-error a migration has an up
export const empty: Migration = {}
`,
    )
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      module: 'nodenext',
      target: 'es2022',
      types: ['node'],
      noEmit: true,
    }
    write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['typed.ts'] }))
    const { stdout } = await node('node_modules/typescript/bin/tsc', '-p', '.').catch((error) => error)
    expect(stdout).toBe('')
  })

  test('their own vitest migrates before their tests', { timeout: 60_000 }, async ({ db }) => {
    db.files(files)
    write(
      'tests/setup.ts',
      `import { up } from 'upfront'
export default async () => {
  await up({ databaseUrl: process.env.THEIR_URL!, migrationsDir: process.env.THEIR_MIGRATIONS! })
}`,
    )
    write(
      'tests/users.test.ts',
      `import { Failure, status, up } from 'upfront'
import { expect, test } from 'vitest'
const options = { databaseUrl: process.env.THEIR_URL!, migrationsDir: process.env.THEIR_MIGRATIONS! }
test('the schema is there', async () => {
  expect(await status(options)).toMatchObject({ state: 'up_to_date', migrations: [{ name: '001_a' }, { name: '002_b' }] })
})
test('nothing is left to do', async () => {
  expect(await up(options)).toEqual({ applied: [], seeded: [], ahead: [] })
})
test('a failure is one', async () => {
  await expect(up({ ...options, databaseUrl: 'nonsense' })).rejects.toThrow(Failure)
})`,
    )
    write(
      'vitest.config.ts',
      `import { defineConfig } from 'vitest/config'
export default defineConfig({ test: { globalSetup: 'tests/setup.ts', include: ['tests/**/*.test.ts'] } })`,
    )
    const env = { PATH: process.env['PATH'], NO_COLOR: '1', THEIR_URL: db.url, THEIR_MIGRATIONS: db.migrationsDir }
    const vitest = join(project, 'node_modules/vitest/vitest.mjs')
    const args = [vitest, 'run', '--root', project]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
      cwd: project,
      env: env as NodeJS.ProcessEnv,
      timeout: 50_000,
    }).catch((error) => error)
    expect(stdout, stderr).toMatch(/Tests +3 passed/)
    expect(await db.history()).toHaveLength(2)
  })
})

function installedVersion(name: string): string {
  const manifest = join(import.meta.dirname, '../../node_modules', name, 'package.json')
  return JSON.parse(fs.readFileSync(manifest, 'utf8')).version
}
