import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bearsNoMark } from '../../../../src/folder/foreign/no-marks.ts'
import { chooseLayout } from '../../../../src/folder/layouts/choose.ts'
import { viewFolder } from '../../../../src/folder/layouts/folder-view.ts'
import { withFolder } from '../layouts/describe-layout.ts'

const ours = { '0001_users.sql': '-- Users.\ncreate table users (id int);\n', '0002_orders.sql': 'select 1;\n' }
const below = (files: Readonly<Record<string, string>>, folder: string) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]))
const stamped = { '20240101000000_a.sql': 'select 1;\n' }

/** What makes each folder another tool's, in a place as small as the tool knows it; some beside the folder `m`. */
const marks: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  atlas: { 'm/atlas.sum': '' },
  dbmate: { 'm/0003_x.sql': 'select 1;\n-- migrate:up\n' },
  'drizzle with a journal': { 'm/meta/_journal.json': '{}' },
  'drizzle 1.0': { 'm/1_x/snapshot.json': '{}', 'm/1_x/migration.sql': '' },
  goose: { 'm/0003_x.sql': '  -- anything +goose\n' },
  'graphile-migrate': { 'm/000003.sql': '--! Previous: -\n' },
  'graphile-migrate above': { 'm/committed/000003-x.sql': '--! Previous: -\n' },
  'node-pg-migrate': { 'm/0003_x.sql': '--\n  --- UP\n migration\n' },
  prisma: { 'schema.prisma': '', 'm/1_x/migration.sql': '' },
  'sql-migrate': { 'm/0003_x.sql': '-- +migrate Down\n' },
  'sqlx by its settings': { 'sqlx.toml': '' },
  'sqlx by its cache': { '.sqlx/query.json': '' },
  'sqlx by its crate': { 'Cargo.toml': 'sqlx = "0.8"\n' },
  'supabase by its settings': { ...below(stamped, 'm'), 'config.toml': 'project_id = "x"\n' },
  tern: { 'm/tern.conf': '' },
  'tern by its line': { 'm/0003_x.sql': '---- create above / drop below ----\n' },
  'tern without a transaction': { 'm/0003_x.sql': '---- tern: disable-tx ----\n' },
}

describe.each(Object.entries(marks))('%s', (_, files) => {
  test('is seen among files of ours, so that its layout is asked', () => {
    withFolder({ ...below(ours, 'm'), ...files }, ({ dir }) => {
      const folder = viewFolder(join(dir, 'm'))
      expect(bearsNoMark(folder)).toBe(false)
      expect(chooseLayout(folder, 'auto', 'm').format).not.toBe('plain')
    })
  })
})

test.each(['supabase/migrations', 'a/supabase/migrations'])('the path %s is a mark', (path) => {
  withFolder(below(stamped, path), ({ dir }) => expect(bearsNoMark(viewFolder(join(dir, path)))).toBe(false))
})

test.each([
  ['only files of golang-migrate', { '1_a.up.sql': '', '1_a.down.sql': '' }],
  ['only files of flyway', { 'V1__a.sql': '', 'R__b.sql': '' }],
  ['only folders', { '1_a/migration.sql': '' }],
  ['nothing', {}],
])('%s is no folder of ours at a look', (_, files) => {
  expect(withFolder(files, bearsNoMark)).toBe(false)
})

test('what is ours at a look is ours when all layouts are asked', () => {
  for (const more of [
    {},
    { '0003_m.ts': '' },
    { 'upfront.allow': '' },
    { '0002_orders.down.sql': '' },
    { 'V1__x.sql': '' },
  ])
    withFolder({ ...ours, ...more }, (folder) => {
      expect(bearsNoMark(folder)).toBe(true)
      expect(chooseLayout(folder, 'auto', 'm').format).toBe('plain')
    })
})
