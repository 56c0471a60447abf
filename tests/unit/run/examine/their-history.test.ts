import { expect, test } from 'vitest'
import { tableOf } from '../../../../src/run/examine/their-history.ts'

test.each([
  ['select a as key from public._prisma_migrations where b', 'public._prisma_migrations', 'public'],
  ['select filename\nfrom "my schema"."a ""b"""\norder by 1', '"my schema"."a ""b"""', '"my schema"'],
])('the table of the question %j is known by its schema', (sql, table, schema) => {
  expect(tableOf(sql)).toEqual({ table, schema })
})

test('a question without such a table names none', () => {
  expect(tableOf('select 1')).toBeNull()
})
