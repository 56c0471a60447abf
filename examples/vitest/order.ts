import type { Pool } from 'pg'

/** Takes a product from the stock and notes the order, both or neither. */
export async function order(pool: Pool, product: string, quantity: number): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { rows } = await client.query<{ id: string }>(
      'update products set stock = stock - $2 where name = $1 returning id',
      [product, quantity],
    )
    await client.query('insert into orders (product, quantity) values ($1, $2)', [rows[0]?.id, quantity])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}
