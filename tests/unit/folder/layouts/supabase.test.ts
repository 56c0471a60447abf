import { describe, expect, test } from 'vitest'
import { viewFolder } from '../../../../src/folder/layouts/folder-view.ts'
import type { Layout } from '../../../../src/folder/layouts/layout.ts'
import { supabase } from '../../../../src/folder/layouts/supabase.ts'
import { describeLayout, withFolder } from './describe-layout.ts'

/** Looks below a folder, so that where the migrations are is part of the example. */
const inProject: Layout = {
  ...supabase,
  detect: ({ dir }) => supabase.detect(viewFolder(`${dir}/supabase/migrations`)),
  list: ({ dir }, shown) => {
    const { migrations, ...rest } = supabase.list(viewFolder(`${dir}/supabase/migrations`), shown)
    return { ...rest, migrations: migrations.map((one) => ({ ...one, file: `supabase/migrations/${one.file}` })) }
  },
}

describeLayout(inProject, {
  files: {
    'supabase/config.toml': 'project_id = "shop"\n',
    'supabase/seed.sql': 'insert into users values (1);\n',
    'supabase/migrations/20240101000000_users.sql': 'create table users (id int);\n',
    'supabase/migrations/20240102000000_orders.sql': 'create table orders (\n  id int\n);\n',
  },
  names: ['20240101000000_users', '20240102000000_orders'],
  keys: ['20240101000000', '20240102000000'],
  stranger: ['supabase/migrations/rollback.sql', 'drop table users;\n'],
})

const list = (...names: string[]) => {
  const { migrations, problems, notices } = withFolder(Object.fromEntries(names.map((name) => [name, ''])), (folder) =>
    supabase.list(folder, 'migrations'),
  )
  return {
    migrations: migrations.map(({ name }) => name),
    problems: problems.map(({ what }) => what),
    notices: notices!.map(({ what }) => what),
  }
}

describe('a folder is recognised', () => {
  const detects = (files: Record<string, string>, below: string) =>
    withFolder(files, ({ dir }) => supabase.detect(viewFolder(`${dir}/${below}`)))
  const file = '20240101000000_users.sql'

  test('by where it is', () => {
    expect(detects({ [`supabase/migrations/${file}`]: '' }, 'supabase/migrations')).toBe(true)
    expect(detects({ [`supabase/migrations/${file}`]: '' }, 'supabase/migrations/')).toBe(true)
    expect(detects({ [`mysupabase/migrations/${file}`]: '' }, 'mysupabase/migrations')).toBe(false)
    expect(detects({ 'supabase/migrations/1_users.sql': '' }, 'supabase/migrations')).toBe(false)
  })

  test('or by the settings beside it', () => {
    expect(detects({ [`db/m/${file}`]: '', 'db/config.toml': '# x\nproject_id = "a"\n' }, 'db/m')).toBe(true)
    expect(detects({ [`db/m/${file}`]: '', 'db/config.toml': '[api]\nport = 1\n' }, 'db/m')).toBe(false)
  })
})

test('the order is that of the names, whatever the length of their numbers', () => {
  expect(list('20240102000000_b.sql', '20240101000000_c.sql', '3_a.sql', '20240101000000000_d.sql')).toEqual({
    migrations: ['20240101000000000_d', '20240101000000_c', '20240102000000_b', '3_a'],
    problems: [],
    notices: [],
  })
})

test('two files of one version are refused', () => {
  expect(list('1_a.sql', '1_b.sql').problems).toEqual([
    'two files have the version 1: migrations/1_a.sql and migrations/1_b.sql',
  ])
})

test('what the CLI passes over is told', () => {
  expect(list('20210101000000_init.sql', '20240101000000_init.sql', 'x.sql', 'README.md')).toEqual({
    migrations: ['20240101000000_init'],
    problems: [],
    notices: [
      'migrations/20210101000000_init.sql is the init of an old CLI: it is passed over, as by supabase',
      'migrations/x.sql is not named <timestamp>_<name>.sql: it is passed over, as by supabase',
    ],
  })
  expect(list('1_a.sql', '20210101000000_init.sql').migrations).toEqual(['1_a', '20210101000000_init'])
})
