import { join } from 'node:path'
import { expect } from 'vitest'
import { writeMigrations } from '../../src/bundle/write.ts'
import { type Database, test } from '../support/database.ts'

const note = (by: string) => `insert into levels select '${by}', current_setting('transaction_isolation');`
const files = {
  '001_levels.sql': `create table levels (by text, level text); ${note('001')}`,
  '002_set.sql': `set transaction isolation level repeatable read;\n${note('002')}
-- upfront:down\nset transaction isolation level serializable; ${note('down')}`,
  '003_begin.sql': `begin isolation level serializable;\n${note('003')}\ncommit;`,
  '004_large.sql': `set transaction isolation level repeatable read;\n${note('004')}
${`select '${'x'.repeat(200)}';\n`.repeat(6_000)}`,
  '005_next.sql': note('005'),
}

async function compile(db: Database) {
  await writeMigrations(db.migrationsDir, join(db.dir, 'bundle'))
  return { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle') }
}

test.for([
  ['a folder', async () => ({})],
  ['a bundle', compile],
] as const)('a file of %s that asks for an isolation level has it, and no other has', async ([, prepare], { db }) => {
  db.files(files)
  const env = await prepare(db)

  const { exitCode, stderr } = await db.up([], env)

  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select * from levels')).toEqual([
    { by: '001', level: 'read committed' },
    { by: '002', level: 'repeatable read' },
    { by: '003', level: 'serializable' },
    { by: '004', level: 'repeatable read' },
    { by: '005', level: 'read committed' },
  ])
})

test('a down has the level that it asks for', async ({ db }) => {
  db.files({ '001_levels.sql': files['001_levels.sql'], '002_set.sql': files['002_set.sql'] })
  const development = { UPFRONT_ENV: 'development' }
  await db.up([], development)
  const { exitCode, stderr } = await db.run(['down'], development)
  expect(exitCode, stderr).toBe(0)
  expect(await db.query(`select level from levels where by = 'down'`)).toEqual([{ level: 'serializable' }])
})
