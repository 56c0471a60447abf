// Each line of the table of formats in the README: a folder of the tool runs unchanged, and its history is continued.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { test } from '../support/database.ts'
import { type ToolFolder, toolFolders, users } from '../support/tool-folders.ts'

const env = ({ format }: ToolFolder) => (format === undefined ? {} : { UPFRONT_FORMAT: format })

describe.each(Object.entries(toolFolders))('%s', (name, line) => {
  // Of knex there is code, which only the tool can run.
  const isCode = name === 'knex'
  test(`a folder ${isCode ? 'is refused while it is pending' : 'runs unchanged, and is up to date afterwards'}`, async ({
    db,
  }) => {
    db.files(line.files)
    const { exitCode, stderr, applied } = await db.up([], env(line))
    expect(exitCode, stderr).toBe(isCode ? 20 : 0)
    if (isCode) return expect(stderr).toContain('is code that only knex can run')
    expect(applied).toEqual(line.names)
    expect((await db.tables()).sort()).toEqual(['public.orders', 'public.users'])
    expect((await db.up([], env(line))).stderr).toContain('up to date')
  })

  test('its history is continued: the first is adopted, the second applied, the table as it was', async ({ db }) => {
    db.files(line.files)
    await db.query(`${users} ${line.history}`)
    const before = await everythingIn(db.query)
    const { exitCode, stderr, applied } = await db.up([], env(line))
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual([line.names[1]])
    expect(await db.history()).toEqual([`migration ${line.names[0]} adopted`, `migration ${line.names[1]} applied`])
    expect(await everythingIn(db.query)).toEqual(before)
    expect((await db.up([], env(line))).stderr).toContain('up to date')
  })

  test('from a bundle the same, without being told the format again', async ({ db }) => {
    db.files(line.files)
    await db.query(`${users} ${line.history}`)
    const compiled = await db.run(['compile', '--out', 'bundle'], env(line))
    expect(compiled.exitCode, compiled.stderr).toBe(0)
    const { exitCode, stderr, applied } = await db.up([], { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') })
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual([line.names[1]])
    expect((await db.up([], env(line))).stderr).toContain('up to date')
  })
})

/** The rows of every table that neither we nor the second migration have made, and of ours none. */
async function everythingIn(query: <Row extends object>(sql: string) => Promise<Row[]>) {
  const tables = await query<{ name: string }>(`select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema', 'upfront') and tablename <> 'orders' order by 1`)
  return Promise.all(tables.map(async ({ name }) => [name, await query(`select * from ${name} order by 1`)]))
}

test('each format of the table in the README has its lines here', () => {
  const readme = readFileSync(new URL('../../docs/coming-from/README.md', import.meta.url), 'utf8')
  const formats = [...readme.matchAll(/^\| \[([\w-]+)\]\(/gm)].map(([, format]) => format)
  expect(formats.length).toBeGreaterThan(10)
  for (const format of formats) expect(Object.keys(toolFolders).some((name) => name.startsWith(format!))).toBe(true)
})
