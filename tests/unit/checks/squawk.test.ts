import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkMigrationsFolder } from '../../../src/bundle/pack-folder.ts'
import { findSquawk, lint } from '../../../src/checks/squawk.ts'

let dir: string
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'upfront-test-'))
})
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

async function warnings(files: Record<string, string>): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(join(dir, name), text)
  const { linted } = await checkMigrationsFolder({ dir: dir, shown: 'm', format: 'auto' })
  const { found } = await lint(linted, dir, '')
  return found.map(({ place, rule }) => `${place?.file}:${place?.line}:${place?.column} ${rule}`)
}

test('a danger is found in its place, after characters of every width', async () => {
  expect(
    await warnings({
      '1_a.sql': `\ufeffcreate table t (id bigint);\r\n`,
      '2_b.sql': `-- é🎉\r\nselect 'é🎉'; /* é */ drop table t;\r\n`,
    }),
  ).toEqual(['m/2_b.sql:2:22 squawk/ban-drop-table'])
})

test('a comment silences one rule for one statement, or for the file', async () => {
  const drops = 'drop table a;\n-- squawk-ignore ban-drop-table\ndrop table b;\n'
  expect(await warnings({ '1_a.sql': drops })).toEqual(['m/1_a.sql:1:1 squawk/ban-drop-table'])
  expect(await warnings({ '1_a.sql': `-- squawk-ignore-file ban-drop-table\n${drops}` })).toEqual([])
})

test('a down is there to drop things, and what upfront does itself need not be in the file', async () => {
  expect(
    await warnings({
      '1_a.sql': 'alter table t add column a text;\n-- upfront:down\ndrop table t;\n',
      '2_b.sql': 'begin;\nselect 1;\ncommit;\n',
      '2_b.down.sql': 'drop table u',
      '3_c.ts': 'export {}',
    }),
  ).toEqual([])
})

test('an index is to be built concurrently, where it is the only statement and so can be', async () => {
  expect(await warnings({ '1_a.sql': 'create index on t (a)' })).toEqual([
    'm/1_a.sql:1:1 squawk/require-concurrent-index-creation',
  ])
  expect(await warnings({ '1_a.sql': 'create index concurrently i on t (a)' })).toEqual([])
})

test('its configuration is read from where the command is typed', async () => {
  fs.writeFileSync(join(dir, '.squawk.toml'), 'excluded_rules = ["ban-drop-table"]\n')
  expect(await warnings({ '1_a.sql': 'drop table a' })).toEqual([])
})

test('a configuration that it cannot read is told, not passed over', async () => {
  fs.writeFileSync(join(dir, '.squawk.toml'), 'excluded_rules = [')
  await expect(warnings({ '1_a.sql': 'drop table a' })).rejects.toThrow('squawk could not look at the migrations')
})

test('it is the program of the package, or one on the PATH', () => {
  expect(findSquawk(dir, '')).toMatch(/node_modules\/@squawk-cli\/[^/]+\/bin\/squawk$/)
  fs.mkdirSync(join(dir, 'node_modules/@squawk-cli/some-where/bin'), { recursive: true })
  fs.writeFileSync(join(dir, 'node_modules/@squawk-cli/some-where/bin/squawk'), '')
  expect(findSquawk(dir, '')).toBe(join(dir, 'node_modules/@squawk-cli/some-where/bin/squawk'))
})

test('more files than one call takes', { timeout: 30_000 }, async () => {
  const files = Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`${n}_a.sql`, `drop table t${n};`]))
  expect(await warnings(files)).toHaveLength(501)
})
