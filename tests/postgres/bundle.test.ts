import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { writeMigrations, writeSeeds } from '../../src/bundle/write.ts'
import { type Database, test } from '../support/database.ts'

const files = {
  '9_first.sql': '\ufeffcreate table t (id int);\r\ninsert into t values (1);\r\n',
  '10_second.sql': `insert into t values (2); -- é 🎉\n-- upfront:down\ndelete from t where id = 2;`,
  '11_third.sql': 'insert into t values (3)',
  '11_third.down.sql': 'delete from t where id = 3',
  'README.md': 'not a migration',
}
const seeds = {
  '2_b.sql': 'insert into t values (20)',
  '10_c.sql': 'insert into t values (100)',
  'demo/1_d.sql': 'insert into t values (1000)',
}

/** Writes the sources and compiles them; answers the environment of a run from the bundle. */
async function compile(db: Database) {
  db.files(files)
  db.seeds(seeds)
  const env = {
    UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations'),
    UPFRONT_SEEDS_DIR: join(db.dir, 'bundle/seeds'),
  }
  await writeMigrations(db.migrationsDir, env.UPFRONT_MIGRATIONS_DIR)
  await writeSeeds(db.seedsDir, env.UPFRONT_SEEDS_DIR)
  return env
}

test('a bundle does what its folder does, and they take each other for the same', async ({ db }) => {
  const bundle = await compile(db)

  const first = await db.up(['--seed', 'demo'], bundle)
  expect(first.exitCode, first.stderr).toBe(0)
  expect(first.applied).toEqual(['9_first', '10_second', '11_third'])
  expect(first.seeded).toEqual(['2_b.sql', '10_c.sql', 'demo/1_d.sql'])

  for (const env of [bundle, {}]) {
    const { exitCode, stderr } = await db.up(['--seed', 'demo'], env)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('up to date     3 migrations and the seeds for demo')
  }
})

test('the history of a bundle and of its folder is the same, word for word', async ({ db }) => {
  const bundle = await compile(db)
  const columns = 'kind, name, checksum, state, down'
  await db.up(['--seed', 'demo'], { ...bundle, UPFRONT_SCHEMA: 'baked' })
  await db.query('drop table t')
  await db.up(['--seed', 'demo'], { UPFRONT_SCHEMA: 'mounted' })

  const baked = await db.query(`select ${columns} from baked.history order by id`)
  expect(baked).toHaveLength(6)
  expect(await db.query(`select ${columns} from mounted.history order by id`)).toEqual(baked)
  const digests = `select distinct bundle, seed from (select * from baked.runs union all select * from mounted.runs) runs`
  expect(await db.query(digests)).toHaveLength(1)
})

test('an environment that a bundle has no seeds for has the common ones', async ({ db }) => {
  const bundle = await compile(db)
  const { exitCode, seeded } = await db.up(['--seed', 'elsewhere'], bundle)
  expect(exitCode).toBe(0)
  expect(seeded).toEqual(['2_b.sql', '10_c.sql'])
  expect((await db.up(['--seed', 'elsewhere'])).stderr).toContain('up to date')
})

test('a run from a bundle loads no parser, nor does one that finds nothing pending in a folder', async ({ db }) => {
  const bundle = await compile(db)
  const hook = join(db.dir, 'hook.mjs')
  fs.writeFileSync(
    hook,
    `import { registerHooks } from 'node:module'
     registerHooks({ load: (url, context, next) => {
       if (url.includes('libpg-query')) process.stderr.write('LOADED ' + url + '\\n')
       return next(url, context)
     } })`,
  )
  const env = { NODE_OPTIONS: `--import ${hook}` }
  expect((await db.spawn(['up'], { ...env, ...bundle }).ended).stderr).not.toContain('LOADED')
  expect((await db.spawn(['up'], env).ended).stderr).not.toContain('LOADED')
  fs.writeFileSync(join(db.migrationsDir, '99999_more.sql'), 'select 1')
  expect((await db.spawn(['up'], env).ended).stderr).toContain('LOADED')
})

test('a bundle that nobody may write is read', async ({ db }) => {
  const bundle = await compile(db)
  fs.chmodSync(bundle.UPFRONT_MIGRATIONS_DIR, 0o555)
  expect((await db.up([], bundle)).exitCode).toBe(0)
  fs.chmodSync(bundle.UPFRONT_MIGRATIONS_DIR, 0o755)
})

const damages: readonly [string, (dir: string) => void][] = [
  ['a file was changed', (dir) => fs.appendFileSync(join(dir, '10_second.sql'), '\n')],
  ['a file is missing', (dir) => fs.rmSync(join(dir, '10_second.sql'))],
  ['a down file is missing', (dir) => fs.rmSync(join(dir, '11_third.down.sql'))],
  ['the manifest is half there', (dir) => fs.truncateSync(join(dir, 'manifest.json'), 300)],
  ['the manifest is empty', (dir) => fs.writeFileSync(join(dir, 'manifest.json'), '')],
  ['the manifest is of a later format', (dir) => edit(dir, '"format":1', '"format":2')],
  ['the manifest is somebody else’s', (dir) => fs.writeFileSync(join(dir, 'manifest.json'), '{"name":"my-app"}\n')],
  ['the manifest has another name in it', (dir) => edit(dir, '"name":"10_second"', '"name":"../../../etc/passwd"')],
]

test.for(damages)('a damaged bundle is exit 20: %s', async ([, damage], { db }) => {
  const bundle = await compile(db)
  damage(bundle.UPFRONT_MIGRATIONS_DIR)

  const { exitCode, stderr } = await db.up([], bundle)

  expect(exitCode, stderr).toBe(20)
  expect(stderr).toContain('is damaged')
  expect(stderr).toContain('Compile it again')
  expect((await db.history()) ?? []).not.toContain('migration 10_second applied')
})

function edit(dir: string, from: string, to: string) {
  const path = join(dir, 'manifest.json')
  const text = fs.readFileSync(path, 'utf8')
  expect(text).toContain(from)
  fs.writeFileSync(path, text.replace(from, to))
}

test.for([
  ['a CSV seed', 'seeds', '3_t.csv', '2\n'],
  ['a module', 'seeds', '4_more.js', '\n'],
] as const)(
  '%s of a bundle that was changed afterwards is exit 20, and does not run',
  async ([, folder, file, more], { db }) => {
    db.files({ '1_t.sql': 'create table t (id int primary key)' })
    db.seeds({
      '3_t.csv': 'id\n1\n',
      '4_more.js': `export const up = (client) => client.query('insert into t values (4)')`,
    })
    const bundle = join(db.dir, 'bundle')
    await writeMigrations(db.migrationsDir, join(bundle, 'migrations'))
    await writeSeeds(db.seedsDir, join(bundle, 'seeds'))
    const env = {
      UPFRONT_MIGRATIONS_DIR: join(bundle, 'migrations'),
      UPFRONT_SEEDS_DIR: join(bundle, 'seeds'),
      UPFRONT_SEED: 'demo',
    }
    fs.appendFileSync(join(bundle, folder, file), more)

    const { exitCode, stderr } = await db.up([], env)

    expect(exitCode, stderr).toBe(20)
    expect(stderr).toMatch(new RegExp(`${file}.* is not the file that was compiled`))
    expect(await db.query('select from t').catch(() => [])).toEqual([])
  },
)

test('an error in a bundled file has the place in that file', async ({ db }) => {
  db.files({ '1_bad.sql': '\ufeff-- 🎉\r\nselect 1;\r\n\tselect 1 / 0;\r\n' })
  const out = join(db.dir, 'bundle')
  await writeMigrations(db.migrationsDir, out)
  const { exitCode, stderr } = await db.up([], { UPFRONT_MIGRATIONS_DIR: out })
  expect(exitCode).toBe(22)
  expect(stderr).toContain('1_bad.sql:3:2')
})

test('a folder that does not compile makes no bundle, and leaves the one that was there', async ({ db }) => {
  const bundle = await compile(db)
  db.files({ '1_bad.sql': 'creat' })
  await expect(writeMigrations(db.migrationsDir, bundle.UPFRONT_MIGRATIONS_DIR)).rejects.toThrow('a problem in')
  expect((await db.up([], bundle)).exitCode).toBe(0)
})
