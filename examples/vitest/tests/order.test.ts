import { expect } from 'vitest'
import { order } from '../order.ts'
import { test } from './database.ts'

test('an order takes from the stock', async ({ pool }) => {
  await order(pool, 'teapot', 2)
  const { rows } = await pool.query('select stock from products where name = $1', ['teapot'])
  expect(rows).toEqual([{ stock: 1 }])
})

test('an order of more than there is leaves everything as it was', async ({ pool }) => {
  // Three again, whatever the test above has done: its database was another one.
  await expect(order(pool, 'teapot', 4)).rejects.toMatchObject({ code: '23514' })
  const { rows } = await pool.query(
    'select stock, (select count(*)::int from orders) as orders from products where name = $1',
    ['teapot'],
  )
  expect(rows).toEqual([{ stock: 3, orders: 0 }])
})
