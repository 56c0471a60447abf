import { expect, test } from 'vitest'
import { type Description, type SchemaObject, inOrder, keyOf } from '../../../src/schema/description.ts'
import { compareSchemas, isSame } from '../../../src/schema/difference.ts'
import { countDifference, differsInInstants, tellDifference } from '../../../src/schema/tell.ts'

const nothing = { exclude: [], also: [] }

const table = (name: string, is = ''): SchemaObject => ({ kind: 'table', name, schema: name.split('.')[0]!, is })
const part = (kind: SchemaObject['kind'], name: string, is: string): SchemaObject => ({
  kind,
  name,
  schema: name.split('.')[0]!,
  is,
  of: `table ${name.split('.').slice(0, 2).join('.')}`,
})
const column = (name: string, is = 'text') => part('column', name, is)

function described(objects: readonly SchemaObject[], more: Partial<Description> = {}): Description {
  return { major: 18, objects: inOrder(objects), notModelled: [], unseen: [], ...more }
}

const users = [table('app.users'), column('app.users.id', 'bigint not null'), column('app.users.email')]

test('a schema held against itself is silent', () => {
  const difference = compareSchemas(described(users), described(users), nothing)
  expect(isSame(difference)).toBe(true)
  expect(tellDifference(difference)).toEqual([])
  expect(countDifference(difference)).toBe('')
})

test('what is missing, different or unexpected is named, with both sides where there are two', () => {
  const live = [table('app.users'), column('app.users.id', 'integer not null'), column('app.users.nick')]
  const difference = compareSchemas(described(users), described(live), nothing)
  expect(tellDifference(difference)).toEqual([
    'missing column app.users.email: text',
    'column app.users.id: expected bigint not null, found integer not null',
    'unexpected column app.users.nick: text',
  ])
  expect(countDifference(difference)).toBe('1 missing, 1 different, 1 unexpected')
})

test('of a table that is missing its parts are not listed, of a schema nothing in it', () => {
  const gone = compareSchemas(described(users), described([]), nothing)
  expect(gone.missing.map(keyOf)).toEqual(['table app.users'])
  const schema: SchemaObject = { kind: 'schema', name: 'app', schema: 'app', is: '' }
  const all = compareSchemas(described([schema, ...users]), described([]), nothing)
  expect(all.missing.map(keyOf)).toEqual(['schema app'])
  const stranger = compareSchemas(described([]), described([schema, ...users]), nothing)
  expect(stranger.unexpected.map(keyOf)).toEqual(['schema app'])
})

test('an index of another table is another index', () => {
  const index = (of: string): SchemaObject => ({ kind: 'index', name: 'app.i', schema: 'app', is: 'btree (id)', of })
  const difference = compareSchemas(described([index('table app.a')]), described([index('table app.b')]), nothing)
  expect(difference.different).toHaveLength(1)
})

test.each([
  ['audit', ['schema audit', 'table audit.log', 'column audit.log.id']],
  ['audit.*', ['table audit.log', 'column audit.log.id']],
  ['app.tmp_*', ['table app.tmp_1', 'column app.tmp_1.id']],
  ['app.users.nick', ['column app.users.nick']],
])('UPFRONT_VERIFY_EXCLUDE=%s leaves out what it names, with its parts', (pattern, left) => {
  const schema = (name: string): SchemaObject => ({ kind: 'schema', name, schema: name, is: '' })
  const live = [
    ...users,
    column('app.users.nick'),
    schema('audit'),
    schema('auditing'),
    table('audit.log'),
    column('audit.log.id'),
    table('app.tmp_1'),
    column('app.tmp_1.id'),
  ]
  const all = compareSchemas(described(users), described(live), nothing).unexpected
  const some = compareSchemas(described(users), described(live), { exclude: [pattern], also: [] }).unexpected
  const parts = new Set(left)
  expect(some.map(keyOf)).toEqual(all.map(keyOf).filter((key) => !parts.has(key)))
})

test('a pattern for a table covers the comments and grants on what is inside of it', () => {
  const of = (kind: SchemaObject['kind'], key: string): SchemaObject => ({
    kind,
    name: key,
    schema: 'app',
    is: 'x',
    of: key,
  })
  const keys = ['column app.tmp_1.id', 'constraint app.tmp_1.c', 'table app.tmp_1', 'column app.users.id']
  const live = [...users, ...keys.flatMap((key) => [of('comment', key), of('grant', key)])]
  const comparing = { exclude: ['app.tmp_*'], also: ['comments', 'grants'] } as const
  const left = compareSchemas(described(users), described(live), comparing).unexpected
  expect(left.map(keyOf)).toEqual(['grant column app.users.id', 'comment column app.users.id'])
})

test('the schema public is not missed while nothing stands in it, nor is what is said of it', () => {
  const of = 'schema public'
  const empty: SchemaObject[] = [
    { kind: 'schema', name: 'public', schema: 'public', is: '' },
    { kind: 'owner', name: of, schema: 'public', is: 'postgres', of },
  ]
  const also = { exclude: [], also: ['owners'] } as const
  expect(compareSchemas(described(empty), described([]), also).missing).toEqual([])
  const used = [...empty, table('public.users')]
  expect(compareSchemas(described(used), described([]), also).missing.map(keyOf)).toEqual(['schema public'])
})

test('what the bundle claims is compared, whatever a pattern says', () => {
  const live = described([table('app.users'), column('app.users.id', 'bigint not null')])
  const difference = compareSchemas(described(users), live, { exclude: ['app', '*'], also: [] })
  expect(difference.missing.map(keyOf)).toEqual(['column app.users.email'])
})

test('a pattern is a name with stars, and no regular expression', () => {
  const live = [...users, table('app.a+b'), table('app.aab')]
  const left = compareSchemas(described(users), described(live), { exclude: ['app.a+b'], also: [] }).unexpected
  expect(left.map(keyOf)).toEqual(['table app.aab'])
})

test('owners, grants and comments count on request only', () => {
  const owner: SchemaObject = {
    kind: 'owner',
    name: 'table app.users',
    schema: 'app',
    is: 'app',
    of: 'table app.users',
  }
  const grant: SchemaObject = {
    kind: 'grant',
    name: 'table app.users to web',
    schema: 'app',
    is: 'SELECT',
    of: 'table app.users',
  }
  const live = described([...users, owner, grant])
  expect(isSame(compareSchemas(described(users), live, nothing))).toBe(true)
  const asked = compareSchemas(described(users), live, { exclude: [], also: ['grants'] })
  expect(asked.unexpected.map(keyOf)).toEqual(['grant table app.users to web'])
})

test('what another major writes otherwise is not compared across majors, and that is said', () => {
  const query = (is: string): SchemaObject => ({ kind: 'query', name: 'app.v', schema: 'app', is, sameMajor: true })
  const expected = described([query('SELECT id FROM app.users')])
  const live = [query('SELECT users.id FROM app.users')]
  const across = compareSchemas(expected, described(live, { major: 14 }), nothing)
  expect(isSame(across)).toBe(true)
  expect(across.notCompared).toEqual(['1 query: the bundle has them as Postgres 18 writes them, this server is 14'])
  expect(compareSchemas(expected, described(live), nothing).different).toHaveLength(1)
  // That it is not there at all is no matter of spelling.
  expect(compareSchemas(expected, described([], { major: 14 }), nothing).missing).toHaveLength(1)
})

test("what the platform has made is nobody's claim, and neither is what else it keeps in its schemas", () => {
  const schema = (name: string): SchemaObject => ({ kind: 'schema', name, schema: name, is: '' })
  const expected = described([...users, table('auth.ours')], { given: ['schema auth', 'table app.theirs'] })
  const live = [...users, table('app.theirs'), column('app.theirs.id'), schema('auth'), table('auth.users')]
  const difference = compareSchemas(expected, described(live), nothing)
  expect(difference.unexpected).toEqual([])
  expect(difference.missing.map(keyOf)).toEqual(['table auth.ours'])
})

test('kinds that are not modelled are named', () => {
  const live = described(users, { notModelled: ['operator app.===(app.p, app.p)'] })
  expect(compareSchemas(described(users), live, nothing).notCompared).toEqual([
    'not modelled: operator app.===(app.p, app.p)',
  ])
})

test.each([
  ["default '2024-01-01 00:00:00+00'::timestamptz", "default '2023-12-31 23:00:00+00'::timestamptz", true],
  ["FROM ('2024-01-01 00:00:00+00') TO (MAXVALUE)", "FROM ('2023-12-31 18:15:00+00') TO (MAXVALUE)", true],
  ["default '2024-01-01 00:00:00+00'::timestamptz", "default '2024-01-01'::date", false],
  ["default '2024-01-01 00:00:00'::timestamp", "default '2023-12-31 23:00:00'::timestamp", false],
  ['text', 'text', false],
])('%s and %s differ in an instant alone: %s', (is, there, expected) => {
  expect(differsInInstants({ expected: column('app.users.at', is), found: column('app.users.at', there) })).toBe(
    expected,
  )
})
