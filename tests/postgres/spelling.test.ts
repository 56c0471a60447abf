// Names that macOS wrote in Unicode's NFD are the same migrations as those in NFC.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const [nfc, nfd] = ['caf\u00e9', 'cafe\u0301']
const env = { UPFRONT_ENV: 'development' }

/** As an older version has recorded it. */
async function recordInNfd(db: Database) {
  await db.query(`update upfront.history set name = replace(name, '${nfc}', '${nfd}')`)
  await db.query(`update upfront.runs set bundle = 'of an older version'`)
}

test('a file in NFD is the migration in NFC, and is read by its real name', async ({ db }) => {
  db.files({
    [`1_${nfd}.sql`]: 'create table a (id int)',
    [`1_${nfd}.down.sql`]: 'drop table a',
    [`2_${nfd}.ts`]: 'export const up = async (client: any) => { await client.query("create table b (id int)") }',
  })
  db.seeds({ [`1_${nfd}.sql`]: 'select 1', [`${nfd}/2_${nfd}.sql`]: 'insert into a values (1)' })
  const bundle = join(db.dir, 'bundle')
  expect((await db.run(['compile', '--out', bundle])).exitCode).toBe(0)
  expect(fs.readdirSync(join(bundle, 'migrations'))).toContain(`1_${nfc}.sql`)
  expect((await db.up(['--seed', nfc], env)).exitCode).toBe(0)
  const history = [`migration 1_${nfc} applied`, `migration 2_${nfc} applied`, `seed 1_${nfc}.sql applied`, `seed ${nfc}/2_${nfc}.sql applied`] // prettier-ignore
  expect(await db.history()).toEqual(history)
  const compiled = { UPFRONT_MIGRATIONS_DIR: `${bundle}/migrations`, UPFRONT_SEEDS_DIR: `${bundle}/seeds`, ...env }
  const again = await db.up(['--seed', nfc], compiled)
  expect([again.exitCode, again.applied, again.seeded]).toEqual([0, [], []])
  expect((await db.run(['down', '--to', `1_${nfd}`], env)).stderr).toContain(
    `2_${nfc}: neither its file nor the history has a down`,
  )
})

test('a row that an older version wrote in NFD is of the file in NFC, and keeps its name', async ({ db }) => {
  const first = { [`1_${nfc}.sql`]: 'create table a (id int);\n-- upfront:down\ndrop table a' }
  db.files(first)
  db.seeds({ [`1_${nfc}.sql`]: 'select 1' })
  expect((await db.up(['--seed', 'any'], env)).exitCode).toBe(0)
  await recordInNfd(db)
  db.files({ ...first, '2_b.sql': 'create table b (id int)' })
  const status = JSON.parse((await db.run(['status', '--json', '--seed', 'any'], env)).stdout)
  expect(status.migrations.map(({ state }: { state: string }) => state)).toEqual(['applied', 'pending'])
  expect(status.seeds.map(({ state }: { state: string }) => state)).toEqual(['applied'])
  const { exitCode, applied, seeded } = await db.up(['--seed', 'any'], env)
  expect([exitCode, applied, seeded]).toEqual([0, ['2_b'], []])
  expect(await db.history()).toEqual([`migration 1_${nfd} applied`, `seed 1_${nfd}.sql applied`, 'migration 2_b applied']) // prettier-ignore
  expect((await db.run(['wait'], env)).exitCode).toBe(0)
  expect((await db.run(['baseline', '--to', `1_${nfd}.sql`], env)).stderr).not.toContain('baselined')
  expect((await db.run(['down', '--to', `1_${nfc}`], env)).stderr).toContain(
    '2_b: neither its file nor the history has a down',
  )
  db.seeds({ [`1_${nfc}.sql`]: 'select 2' })
  expect((await db.up(['--seed', 'any'], env)).seeded).toEqual([`1_${nfd}.sql`])
  expect(await db.history()).toHaveLength(3)
})

test('what stopped half way under its name in NFD goes on there', async ({ db }) => {
  const sql = '-- upfront:no-transaction\ncreate table a (id int);\ncreate table b (id int);\nselect 1 / x from c;\n'
  db.files({ [`1_${nfc}.sql`]: sql })
  expect((await db.up()).exitCode).toBe(23)
  await recordInNfd(db)
  await db.query('create table c (x int)')
  const { exitCode, applied } = await db.up()
  expect([exitCode, applied]).toEqual([0, [`1_${nfd}`]])
  expect(await db.history()).toEqual([`migration 1_${nfd} applied`])
})

test('the down and the redo of a row in NFD are those of the file in NFC', async ({ db }) => {
  db.files({ [`1_${nfc}.ts`]: 'export const up = async (c: any) => c.query("create table a (id int)")\nexport const down = async (c: any) => c.query("drop table a")\n' }) // prettier-ignore
  expect((await db.up([], env)).exitCode).toBe(0)
  await recordInNfd(db)
  expect((await db.run(['redo'], env)).exitCode).toBe(0)
  expect(await db.history()).toEqual([`migration 1_${nfc} applied`])
  await recordInNfd(db)
  expect((await db.run(['down'], env)).exitCode).toBe(0)
  expect(await db.history()).toEqual([])
})

test('two files whose names differ only in normalisation are a duplicate', async ({ db }) => {
  db.files({ [`1_${nfc}.sql`]: 'select 1', [`1_${nfd}.sql`]: 'select 1' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(20)
  expect(stderr).toContain(`differ only in how Unicode spells them (NFC and NFD), so both are 1_${nfc}`)
  db.files({ '1_a.sql': 'select 1' })
  db.seeds({ [`1_${nfc}.sql`]: 'select 1', [`1_${nfd}.sql`]: 'select 1' })
  expect((await db.up(['--seed', 'any'])).exitCode).toBe(20)
})
