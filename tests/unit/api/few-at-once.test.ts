import { expect, test } from 'vitest'
import { fewAtOnce } from '../../../src/api/few-at-once.ts'

/** Work that ends when it is told to, and what has begun so far. */
function bench() {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const work = (name: string) => () => {
    begun.push(name)
    return new Promise<void>((resolve) => ends.set(name, resolve))
  }
  const end = async (name: string) => {
    ends.get(name)!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { begun, work, end }
}

test('so many run, the others wait in order, and what is to be first comes before them', async () => {
  const { begun, work, end } = bench()
  const inTurn = fewAtOnce(2)
  for (const name of ['a', 'b', 'c', 'd']) void inTurn(work(name))
  void inTurn(work('e'), 'first')
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'e'])
  await end('a')
  expect(begun).toEqual(['a', 'b', 'e', 'c'])
  await end('e')
  await end('c')
  await end('d')
  // All places are free again.
  for (const name of ['f', 'g', 'h']) void inTurn(work(name))
  expect(begun.slice(5)).toEqual(['f', 'g'])
})

test('what fails gives its place on', async () => {
  const inTurn = fewAtOnce(1)
  const failing = inTurn(() => Promise.reject(new Error('no')))
  const next = inTurn(async () => 'done')
  await expect(failing).rejects.toThrow('no')
  expect(await next).toBe('done')
})
