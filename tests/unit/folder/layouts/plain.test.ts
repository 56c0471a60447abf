import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { viewFolder } from '../../../../src/folder/layouts/folder-view.ts'
import { listPlain } from '../../../../src/folder/layouts/plain.ts'

let dir: string

beforeEach(() => (dir = fs.mkdtempSync(join(tmpdir(), 'upfront-test-'))))
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

function list(...names: string[]) {
  for (const name of names) fs.writeFileSync(join(dir, name), '')
  const { migrations, problems } = listPlain(viewFolder(dir), 'migrations')
  return {
    migrations: migrations.map(({ name, file, downFile }) => [name, file, downFile].filter(Boolean).join(' ')),
    problems: problems.map(({ what }) => what),
    advice: problems.map(({ next }) => next),
  }
}

test('migrations in the order in which they run, each with its down', () => {
  expect(list('10_c.sql', '9_b.sql', '9_a.up.sql', '9_a.down.sql', '10_c.down.sql')).toEqual({
    migrations: ['9_a 9_a.up.sql 9_a.down.sql', '9_b 9_b.sql', '10_c 10_c.sql 10_c.down.sql'],
    problems: [],
    advice: [],
  })
})

test('what is no migration is passed over', () => {
  const { migrations, problems } = list(
    '1_a.sql',
    'README.md',
    'README.sql',
    'readme',
    '.x.sql',
    '.gitkeep',
    'notes.txt',
    'x.d.ts',
  )
  expect(migrations).toEqual(['1_a 1_a.sql'])
  expect(problems).toEqual([])
})

test('folders are passed over, whatever they are called', () => {
  fs.mkdirSync(join(dir, '2_b.sql'))
  expect(list('1_a.sql')).toMatchObject({ migrations: ['1_a 1_a.sql'], problems: [] })
})

test.each(['a.sql', '1.sql', '_a.sql', '1-a.sql', 'down.sql', '1_.sql', 'schema.down.sql'])('%s is refused', (name) => {
  const { problems, advice } = list('1_a.sql', name)
  expect(problems).toEqual([expect.stringContaining(`migrations/${name}`)])
  expect(advice[0]).toContain('<digits>_<words>.sql')
})

test('two files with one identity are refused, both named', () => {
  const { problems } = list('1_a.sql', '1_a.up.sql')
  expect(problems).toEqual(['two files have the identity 1_a: migrations/1_a.sql and migrations/1_a.up.sql'])
})

test('names that differ in nothing but the number’s zeros are two migrations', () => {
  expect(list('1_a.sql', '01_a.sql')).toMatchObject({ migrations: ['01_a 01_a.sql', '1_a 1_a.sql'], problems: [] })
})

test('a down without an up is refused', () => {
  expect(list('1_a.sql', '2_b.down.sql').problems).toEqual([
    'migrations/2_b.down.sql has no up: 2_b.sql does not exist',
  ])
})

test('links are followed; one that leads nowhere is refused', () => {
  fs.writeFileSync(join(dir, '..data'), '')
  fs.symlinkSync('..data', join(dir, '1_a.sql'))
  fs.symlinkSync('nowhere', join(dir, '2_b.sql'))
  const { migrations, problems } = list()
  expect(migrations).toEqual(['1_a 1_a.sql'])
  expect(problems).toEqual(['migrations/2_b.sql cannot be read'])
})

test('every problem is found in one go', () => {
  expect(list('a.sql', '1_b.sql', '1_b.up.sql', '2_c.down.sql').problems).toHaveLength(3)
})

test('an assertion stands beside its migration, and is none itself', () => {
  for (const name of ['1_a.up.sql', '1_a.verify.sql', '2_é.ts', '2_é.verify.sql'.normalize('NFD'), '3_c.verify.sql'])
    fs.writeFileSync(join(dir, name), '')
  const { migrations, problems } = listPlain(viewFolder(dir), 'migrations')
  expect(migrations.map(({ name, verifyFile }) => [name, verifyFile])).toEqual([
    ['1_a', '1_a.verify.sql'],
    ['2_é', '2_é.verify.sql'.normalize('NFD')],
  ])
  expect(problems.map(({ what }) => what)).toEqual([
    'migrations/3_c.verify.sql has no migration: 3_c.sql does not exist',
  ])
})

test('two assertions of one migration are refused, and a down of an assertion', () => {
  const { problems } = list('1_é.sql', '1_é.verify.sql', '1_é.verify.sql'.normalize('NFD'), '1_é.verify.down.sql')
  expect(problems).toHaveLength(2)
  expect(problems[0]).toContain('verify.sql')
  expect(problems[1]).toContain('1_é.verify.down.sql has no up')
})
