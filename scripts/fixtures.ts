import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { $ } from 'zx'
import { requireApplied } from './fixtures/applied.ts'
import { type Dump, dumpHistory } from './fixtures/history.ts'
import { recipes } from './fixtures/recipes.ts'
import type { Made, Place, Recipe } from './fixtures/recipe.ts'
import { type Server, withPostgres } from '../src/embedded/postgres.ts'

/** `npm run fixtures -- <tool>`: makes tests/fixtures/<tool> anew, with the tool itself and a Postgres of its own. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [tool = ''] = process.argv.slice(2)
const recipe = recipes[tool]
const largest = 30 * 1024

if (recipe === undefined) {
  console.error(`usage: npm run fixtures -- <tool>, one of: ${Object.keys(recipes).join(', ')}`)
  process.exitCode = 2
} else {
  const dir = mkdtempSync(join(tmpdir(), `upfront-fixture-${tool}-`))
  try {
    await withPostgres({}, (server) => makeFixture(recipe, dir, server))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function makeFixture(recipe: Recipe, dir: string, server: Server): Promise<void> {
  const place = await furnish(recipe, dir, server.url)
  const made = await recipe.make(place)
  await withClient(server.url, (client) => requireApplied(client))
  const dump = await withClient(server.url, (client) => dumpHistory(client, recipe.tables))
  await requireSame(dump, recipe, server.url)
  const target = join(root, 'tests/fixtures', tool)
  rmSync(target, { recursive: true, force: true })
  cpSync(join(dir, made.migrations), join(target, 'migrations'), { recursive: true })
  writeFileSync(join(target, 'history.sql'), dump.sql)
  writeFileSync(join(target, 'half.json'), toJson({ rows: Math.floor(dump.rows / 2), of: dump.rows }))
  writeFileSync(join(target, 'tool.json'), toJson(describeTool(recipe, place, made)))
  const size = sizeOf(target)
  if (size > largest) throw new Error(`${target} has ${size} bytes, more than ${largest}`)
  console.log(`tests/fixtures/${tool}: ${dump.rows} rows of history, ${size} bytes`)
}

async function furnish({ packages }: Recipe, dir: string, url: string): Promise<Place> {
  const write: Place['write'] = (path, text) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  write('package.json', toJson({ private: true, type: 'module' }))
  const { PATH = '', HOME = '' } = process.env
  // No PG* variable of the caller's, no telemetry, no update check.
  const env = {
    PATH,
    HOME,
    DATABASE_URL: url,
    CHECKPOINT_DISABLE: '1',
    NO_UPDATE_NOTIFIER: '1',
    NO_COLOR: '1',
    CI: '1',
  }
  const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
  // npm finds its registry and its certificates in the caller's environment.
  if (packages.length > 0)
    await $({ cwd: dir, stdio })`npm install --prefix ${dir} --ignore-scripts --no-audit --no-fund ${packages}`
  return { dir, url, $: $({ cwd: dir, env, stdio }), write }
}

/** What was written must make the same history again, or a test of it would test something else. */
async function requireSame({ sql }: Dump, { tables }: Recipe, url: string): Promise<void> {
  const copy = new URL(url)
  copy.pathname = '/copy'
  await withClient(url, (client) => client.query('create database copy'))
  const again = await withClient(copy.href, async (client) => {
    await client.query(sql)
    return dumpHistory(client, tables)
  })
  if (again.sql !== sql) throw new Error(`history.sql makes another history:\n${sql}\n${again.sql}`)
}

function describeTool({ packages, tables }: Recipe, { dir }: Place, { version, note }: Made) {
  const names = packages.map((one) => one.replace(/(?<=.)@.*$/, ''))
  const versions = names.map((name) => [name, versionOf(join(dir, 'node_modules', name))] as const)
  return {
    tool: names[0] ?? tool,
    version: version ?? versions[0]?.[1],
    packages: Object.fromEntries(versions),
    tables: tables.map(({ name }) => name),
    made: new Date().toISOString().slice(0, 10),
    verified: true,
    ...(note === undefined ? {} : { note }),
  }
}

function versionOf(installed: string): string {
  return (JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { version: string }).version
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

function sizeOf(folder: string): number {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
  return paths.map((path) => statSync(path)).reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
