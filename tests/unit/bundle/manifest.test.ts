import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openMigrations, openSeeds } from '../../../src/bundle/manifest.ts'
import { writeMigrations, writeSeeds } from '../../../src/bundle/write.ts'
import { openFolder } from '../../../src/folder/migrations.ts'
import { openSeedsFolder } from '../../../src/folder/seeds.ts'
import { openAll } from '../../support/open-all.ts'

let dir: string
let out: string

beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'upfront-test-'))
  out = join(dir, 'out')
})
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

function source(files: Record<string, string>): string {
  const folder = join(dir, 'source')
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(join(folder, name, '..'), { recursive: true })
    fs.writeFileSync(join(folder, name), text)
  }
  return folder
}

/** What can be compared: paths differ, and the size is that of the file, with its mark and its carriage returns. */
function bare(one: object): unknown {
  return JSON.parse(
    JSON.stringify(one, (key, value: unknown) => (key === 'file' || key === 'size' ? undefined : value)),
  )
}

const migrations = {
  '9_a.sql': '\ufeffcreate table t (id int);\r\nselect 1;\r\n',
  '10_b.sql': `select '🎉';\n-- upfront:down\nselect 2;\n`,
  '11_c.sql': '',
  '11_c.down.sql': 'select 3',
}

test('what is opened is what was compiled, to the last offset', async () => {
  const folder = source(migrations)
  const compiled = await openFolder({ dir: folder, shown: folder, format: 'auto' })
  await writeMigrations(folder, out)
  const opened = openMigrations(out)

  expect([opened.digest, opened.count]).toEqual([compiled.digest, 3])
  const list = await openAll(opened)
  expect(list.map(bare)).toEqual((await openAll(compiled)).map(bare))
  expect(list.map(({ name }) => name)).toEqual(['9_a', '10_b', '11_c'])
  expect(list.map(({ down }) => down)).toEqual((await openAll(compiled)).map(({ down }) => down))
})

test('the same sources give the same bytes, wherever and whenever', async () => {
  const folder = source(migrations)
  await writeMigrations(folder, out)
  await writeMigrations(folder, join(dir, 'again'))
  const read = (from: string) => fs.readdirSync(from).map((file) => [file, fs.readFileSync(join(from, file), 'utf8')])
  expect(read(join(dir, 'again'))).toEqual(read(out))
  expect(fs.readFileSync(join(out, 'manifest.json'), 'utf8')).not.toContain(dir)
})

test('the first line alone says what a run with nothing to do needs', async () => {
  const compiled = await writeMigrations(source(migrations), out)
  const [first] = fs.readFileSync(join(out, 'manifest.json'), 'utf8').split('\n')
  expect(JSON.parse(`${first}]}`)).toEqual({ format: 1, digest: compiled.digest, count: 3, migrations: [] })
})

test('the manifest is JSON, one line for each entry', async () => {
  await writeMigrations(source(migrations), out)
  const text = fs.readFileSync(join(out, 'manifest.json'), 'utf8')
  expect(JSON.parse(text)).toMatchObject({ migrations: [{ name: '9_a' }, { name: '10_b' }, { name: '11_c' }] })
  expect(text.split('\n')).toHaveLength(3 + 3)
})

test('compiling again removes what is no longer there', async () => {
  await writeMigrations(source(migrations), out)
  fs.rmSync(join(dir, 'source/10_b.sql'))
  await writeMigrations(join(dir, 'source'), out)
  expect(fs.readdirSync(out).toSorted()).toEqual(['11_c.down.sql', '11_c.sql', '9_a.sql', 'manifest.json'])
})

const seeds = {
  '2_b.sql': 'select 2',
  '10_c.sql': '\ufeffselect 10;\r\n',
  'demo/1_d.sql': 'select 1',
  'test/1_e.sql': 'select 3',
}

test.each(['demo', 'test', 'elsewhere', 'constructor', '__proto__'])(
  'seeds for %s, opened, are those compiled',
  async (environment) => {
    const folder = source(seeds)
    await writeSeeds(folder, out)
    const compiled = openSeedsFolder(folder, environment)
    const opened = openSeeds(out, environment)

    expect(opened.digest).toBe(compiled.digest)
    expect((await openAll(opened)).map(bare)).toEqual((await openAll(compiled)).map(bare))
  },
)

test('environments have digests of their own', async () => {
  await writeSeeds(source(seeds), out)
  const digests = ['demo', 'test', 'elsewhere'].map((environment) => openSeeds(out, environment).digest)
  expect(new Set(digests).size).toBe(3)
})

test('a file that is not the one that was compiled is not run', async () => {
  await writeMigrations(source(migrations), out)
  fs.appendFileSync(join(out, '9_a.sql'), ' ')
  const [first] = await openAll(openMigrations(out))
  expect(first!.script).toMatchObject({ kind: 'sql' })
  expect(() => first!.script.kind === 'sql' && first!.script.read()).toThrow('is damaged')
})

test.each(['', '{', '{"format":1', '{"format":9,"digest":"x","count":1,"migrations":[\n]}\n', 'null', '[]'])(
  'the manifest %j is damaged',
  async (text) => {
    fs.mkdirSync(out)
    fs.writeFileSync(join(out, 'manifest.json'), text)
    await expect(async () => openMigrations(out).list()).rejects.toThrow(`the bundle in ${out} is damaged`)
  },
)

test('a head of more than a few kilobytes is read', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 200 }, (_, n) => [`environment_number_${n}/1.sql`, `select ${n}`]),
  )
  await writeSeeds(source({ '1.sql': 'select 1', ...many }), out)
  expect(openSeeds(out, 'environment_number_199').digest).not.toBe(openSeeds(out, 'none').digest)
})

test('a CSV seed is verified before it is read', async () => {
  await writeSeeds(source({ '1_t.csv': '\ufeffid\r\n1\r\n' }), out)
  const [first] = await openAll(openSeeds(out, ''))
  const verify = () => first!.script.kind === 'csv' && first!.script.verify!()
  expect(verify).not.toThrow()
  fs.appendFileSync(join(out, '1_t.csv'), '2\n')
  expect(verify).toThrow('is damaged')
  fs.rmSync(join(out, '1_t.csv'))
  expect(verify).toThrow('is damaged')
})
