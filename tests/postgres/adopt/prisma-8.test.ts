import { expect } from 'vitest'
import type { Traced } from '../../../src/history/adopt/adopter.ts'
import { prisma8 } from '../../../src/history/adopt/tools/prisma-8.ts'
import { test } from '../../support/database.ts'
import { createHistory } from '../../support/prisma-8.ts'
import { adopt, describeAdopter, nothing, row, withSession } from './describe-adopter.ts'

const [marker] = createHistory.split(/(?<=;)\s*create table prisma_contract\.ledger/)
const name = 'prisma_contract.marker'
const mark = (core: string, space = 'app') =>
  `insert into ${name} (space, core_hash, profile_hash) values ('${space}', '${core}', 'p')`
const ran = (migration: string, hash: string, to: string, space = 'app') =>
  `insert into prisma_contract.ledger (space, migration_name, migration_hash, destination_core_hash, operations)
   values ('${space}', '${migration}', '${hash}', '${to}', '[]')`
const file = (called: string, to: string, hash: string): Traced => {
  const space = called.slice(0, called.indexOf('/'))
  const migration = { name: called, file: called, checksum: 'v1:sha256:' }
  return { migration, origin: { key: `${space}/${to}`, hashes: [hash] } }
}
const files = [
  file('vector/install', 'v1', 'h1'),
  file('app/a', 'one', 'h2'),
  file('app/b', 'two', 'h3'),
  file('app/c', 'three', 'h4'),
]

describeAdopter(prisma8, {
  schema: 'prisma_contract',
  onlyThere: true,
  name: 'marker',
  create: (table) => marker!.replaceAll(name, table),
  insert: (to) => mark('two').replaceAll(name, to),
  rows: [row('app/two', 'contract two of app', { covers: true })],
  // As it was before there were spaces, and anybody's.
  stranger: (to) => `create table ${to} (core_hash text not null, profile_hash text not null, updated_at timestamptz)`,
})

test('up to the contract of its marker each space is applied', async ({ db }) => {
  await db.query(`${createHistory}; ${mark('two')}; ${ran('a', 'h2', 'one')}; ${ran('b', 'h3', 'two')}`)
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['app/a', 'app/b'] })
  await db.query(mark('v1', 'vector'))
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['vector/install', 'app/a', 'app/b'] })
})

test('a marker alone, as prisma db sign sets it, is enough', async ({ db }) => {
  await db.query(`${marker}; ${mark('three')}`)
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['app/a', 'app/b', 'app/c'] })
})

test('what the ledger has and the marker has gone back from is not applied', async ({ db }) => {
  await db.query(`${createHistory}; ${mark('one')}; ${ran('a', 'h2', 'one')}; ${ran('b', 'h3', 'two')}`)
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['app/a'] })
})

test('a migration is edited when the newest row of its name has another hash', async ({ db }) => {
  await db.query(
    `${createHistory}; ${mark('two')}; ${ran('a', 'h2', 'one')}; ${ran('b', 'h3', 'two')}; ${ran('b', 'hx', 'two')}`,
  )
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['app/a'], edited: ['app/b'] })
  await db.query(ran('b', 'h3', 'two'))
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['app/a', 'app/b'] })
})

test('another way to the same contract, and prisma db init, are no edit', async ({ db }) => {
  await db.query(`${createHistory}; ${mark('two')}; ${ran('squashed', 'hx', 'two')}; ${ran('', 'two', 'two')}`)
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['app/a', 'app/b'] })
})

test('a contract to which no file leads is unknown', async ({ db }) => {
  await db.query(`${createHistory}; ${mark('nine')}; ${mark('v1', 'vector')}`)
  const unknown = ['contract nine of app']
  expect(await adopt(prisma8, db, files)).toEqual({ ...nothing, adopted: ['vector/install'], unknown })
})

test('its lock is that of the space of the application', async ({ db }) => {
  const [{ key } = { key: '' }] = await db.query<{ key: string }>(
    `select hashtext('prisma_8.contract.marker:public:app')::text as key`,
  )
  expect(await withSession(db, prisma8.lock!)).toEqual({ key: BigInt(key) })
})
