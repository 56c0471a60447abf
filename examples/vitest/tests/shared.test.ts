import pg from 'pg'
import { expect, inject, test } from 'vitest'

test('what only reads may share one database', async () => {
  const client = new pg.Client({ connectionString: inject('upfront').url })
  await client.connect()
  const { rows } = await client.query('select name from products order by name')
  await client.end()
  expect(rows).toEqual([{ name: 'cup' }, { name: 'teapot' }])
})
