import { describe, expect, test } from 'vitest'
import { prisma8 } from '../../../../../src/folder/layouts/prisma-8/prisma-8.ts'
import { contract, createTable, hashIn, step } from '../../../../support/prisma-8.ts'
import { describeLayout, withFolder } from '../describe-layout.ts'

const users = createTable('users', 'id int')
const orders = createTable('orders', 'id int')
const vector = { id: 'vector', invariantId: 'vector:v1', execute: [{ sql: 'CREATE EXTENSION vector' }] }
const app = {
  // The order is that of the contracts, whatever the folders are called.
  ...step('app/20260102T1015_users', null, 'one', [users]),
  ...step('app/20260101T1015_orders', 'one', 'two', [orders]),
}
const head = (hash: string, ...invariants: readonly string[]) => JSON.stringify({ hash, invariants })
const extension = {
  ...step('vector/20260601T0000_install', null, 'v1', [vector]),
  'vector/refs/head.json': head(contract('v1'), 'vector:v1'),
}
const files = { ...extension, ...app, 'snapshots/00/contract.json': '{}', 'app/refs/db.json': '{}' } as Record<
  string,
  string
>
const names = ['vector/20260601T0000_install', 'app/20260102T1015_users', 'app/20260101T1015_orders']

describeLayout(prisma8, {
  files,
  names,
  keys: [`vector/${contract('v1')}`, `app/${contract('one')}`, `app/${contract('two')}`],
  stranger: ['app/notes/README.md', '# About'],
  isGenerated: true,
})

const list = (more: object) =>
  withFolder(more as Record<string, string>, (folder) => prisma8.list(folder, 'migrations'))
const whatOf = (more: object) => list(more).problems.map(({ what }) => what)

test('a migration is identified by the hash of prisma, whatever the white space', () => {
  const [, first] = list(files).migrations
  const text = files[first!.file]!
  const hash = hashIn(files, names[1]!)
  const parts = (of: string) => first!.parts!(of).identity
  expect(first!.origin!(Buffer.from(text)).hashes).toEqual([hash])
  expect(parts(text)).toBe(hash)
  expect(parts(JSON.stringify(JSON.parse(text)))).toBe(hash)
  expect(parts(text.replace('id int', 'id bigint'))).not.toBe(hash)
})

test('each operation is one statement, at the line at which it begins', () => {
  const two = step('app/1', null, 'one', [users, orders])
  const [first] = list(two).migrations
  const text = two['app/1/ops.json'] as string
  const at = text.split('\n').flatMap((line, i) => (line === '  {' ? i : []))
  const up = first!.parts!(text).up.split('\n')
  expect(up.flatMap((line, i) => (line === '' ? [] : i))).toEqual(at)
  expect(up[at[1]!]).toContain('CREATE TABLE "public"."orders"')
  const [minified] = first!.parts!(JSON.stringify(JSON.parse(text))).up.split('\n')
  expect(minified!.match(/do \$operation\$/g)).toHaveLength(2)
})

describe('what prisma refuses is refused', () => {
  test('a file that was edited by hand', () => {
    const edited = files['app/20260101T1015_orders/ops.json']!.replace('id int', 'id bigint')
    expect(whatOf({ ...files, 'app/20260101T1015_orders/ops.json': edited })).toEqual([
      'migrations/app/20260101T1015_orders was edited by hand: migration.json and ops.json do not belong together',
    ])
  })

  test('a folder that lacks one of both files, or has another thing in it', () => {
    expect(whatOf({ ...app, 'app/20260103T1015_lost/migration.json': '{}' })[0]).toContain('lost has no ops.json')
    expect(whatOf({ ...app, 'app/20260103T1015_lost/ops.json': '[]' })[0]).toContain('has no migration.json')
    const [manifest, ops] = ['app/20260102T1015_users/migration.json', 'app/20260102T1015_users/ops.json']
    expect(whatOf({ ...app, [manifest]: '{"from":null}' })[0]).toContain('is no migration.json of prisma 8')
    const mongo = [
      { id: 'a', label: 'a', operationClass: 'additive', precheck: [], execute: [{ command: {} }], postcheck: [] },
    ]
    expect(whatOf({ ...app, [ops]: JSON.stringify(mongo) })[0]).toContain('is no list of operations in SQL')
  })

  test('hashes as they were before prisma 8', () => {
    const manifest = 'app/20260102T1015_users/migration.json'
    const old = files[manifest]!.replace('"migrationHash": "', '"migrationHash": "sha256:')
    expect(whatOf({ ...app, [manifest]: old })[0]).toContain('was written before prisma 8')
  })

  test('a migration whose placeholder nobody has filled in', () => {
    const unfinished = step('app/20260103T1015_fill', 'two', 'three')
    const code = 'run: () => placeholder("backfill:run")'
    expect(whatOf({ ...app, ...unfinished })).toEqual([])
    expect(whatOf({ ...app, ...unfinished, 'app/20260103T1015_fill/migration.ts': code })[0]).toContain('placeholder')
  })

  test('an extension that does not say where its way ends, or says what is not there', () => {
    const at = (text: string) => whatOf({ ...files, 'vector/refs/head.json': text })
    expect(at('{')[0]).toContain('vector/refs/head.json does not say where the way ends')
    expect(at(head(contract('v9')))[0]).toContain(`the contract ${contract('v9').slice(0, 12)}, to which no migration`)
    expect(at(head(contract('v1'), 'vector:v2'))[0]).toContain('asks for vector:v2')
  })
})

test('an extension goes no further than its head', () => {
  const { migrations, problems, notices } = list({ ...files, ...step('vector/20260701T0000_more', 'v1', 'v2') })
  expect(problems).toEqual([])
  expect(migrations.map(({ name }) => name)).toEqual(names)
  expect(notices!.map(({ what }) => what)[0]).toContain('vector/20260701T0000_more leads on from the contract')
})

describe('only one way is run', () => {
  test('a fork is told with the names of both', () => {
    expect(whatOf({ ...app, ...step('app/20260103T1015_b', 'one', 'three') })).toEqual([
      `2 migrations lead on from the contract ${contract('one').slice(0, 12)}: migrations/app/20260101T1015_orders, migrations/app/20260103T1015_b`,
    ])
    expect(whatOf({ ...step('app/1', null, 'a'), ...step('app/2', null, 'b') })).toEqual([
      '2 migrations lead on from an empty database: migrations/app/1, migrations/app/2',
    ])
  })

  test('a way back, a step on the spot and a gap are told', () => {
    const one = contract('one').slice(0, 12)
    expect(whatOf({ ...app, ...step('app/3', 'two', 'one') })).toEqual([
      `migrations/app/3 leads back to the contract ${one}`,
    ])
    expect(whatOf({ ...app, ...step('app/3', 'two', 'two') })[0]).toContain(
      'migrations/app/3 begins and ends at the contract',
    )
    expect(whatOf({ ...app, ...step('app/3', 'three', 'four') })[0]).toContain(
      'migrations/app/3 begins at the contract',
    )
  })
})
