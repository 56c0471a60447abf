import { expect, test } from 'vitest'
import { chooseLayout } from '../../../../src/folder/layouts/choose.ts'
import { markOf } from '../../../../src/run/examine/marks.ts'
import { withFolder } from '../../folder/layouts/describe-layout.ts'

const sql = 'select 1;\n'

/** A folder of each tool that is recognised, and what a person is pointed at. */
const folders = {
  atlas: [{ 'atlas.sum': '', '20240101000000_a.sql': sql }, 'atlas.sum'],
  dbmate: [{ '1_a.sql': `-- migrate:up\n${sql}` }, 'the line "-- migrate:up" in its files'],
  drizzle: [{ 'meta/_journal.json': '{}', '0000_a.sql': sql }, 'meta/_journal.json'],
  flyway: [{ 'V1__a.sql': sql }, 'the name of V1__a.sql'],
  'golang-migrate': [{ '1_a.up.sql': sql, '1_a.down.sql': sql }, 'the name of 1_a.down.sql'],
  goose: [{ '1_a.sql': `-- +goose Up\n${sql}` }, 'the line "-- +goose" in its files'],
  'graphile-migrate': [{ 'committed/000001.sql': `--! Previous: -\n--! Hash: sha1:0\n\n${sql}` }, 'committed/'],
  'node-pg-migrate': [{ '1_a.sql': `-- Up Migration\n${sql}` }, 'the line "-- Up Migration" in its files'],
  'sql-migrate': [{ '1_a.sql': `-- +migrate Up\n${sql}` }, 'the line "-- +migrate" in its files'],
  tern: [{ 'tern.conf': '', '001_a.sql': sql }, 'tern.conf'],
  prisma: [{ 'migration_lock.toml': '', '1_a/migration.sql': sql }, 'migration_lock.toml'],
} as const

test.each(Object.entries(folders))(
  'a folder of %s is pointed at by what its layout goes by',
  (format, [files, mark]) => {
    withFolder(files, (folder) => {
      expect(chooseLayout(folder, 'auto', 'migrations').format).toBe(format)
      expect(markOf(format as keyof typeof folders, folder)).toBe(mark)
    })
  },
)

test('drizzle 1.0 is known by a snapshot, flyway by a file further down', () => {
  const snapshot = { '1_a/migration.sql': sql, '1_a/snapshot.json': '{}' }
  expect(withFolder(snapshot, (folder) => markOf('drizzle', folder))).toBe('1_a/snapshot.json')
  expect(withFolder({ 'v1/V1__a.sql': sql }, (folder) => markOf('flyway', folder))).toBe('the name of v1/V1__a.sql')
})

test('a plain folder has the mark of nobody', () => {
  withFolder({ '0001_users.sql': sql, '0002_orders.sql': sql }, (folder) => {
    for (const format of [...Object.keys(folders), 'plain', 'goose', 'tern', 'dbmate', 'sqlx', 'supabase'])
      expect([format, markOf(format as 'plain', folder)]).toEqual([format, null])
  })
})
