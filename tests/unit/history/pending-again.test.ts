import { expect, test } from 'vitest'
import { pendingAgain } from '../../../src/history/pending-again.ts'
import type { HistoryRow } from '../../../src/history/rows.ts'
import type { Seed } from '../../../src/migration.ts'

const seed = (name: string, checksum: string) => ({ name, checksum }) as Seed
const row = (name: string, checksum: string, kind = 'seed', state = 'applied') =>
  ({ kind, name, checksum, state }) as unknown as HistoryRow
const names = (seeds: Seed[], history: HistoryRow[]) => pendingAgain('seed', seeds, history).map(({ name }) => name)

test('a seed is pending until it ran with the content it has', () => {
  const seeds = [seed('c.sql', '1'), seed('a.sql', '1'), seed('b.sql', '1'), seed('d.sql', '1')]
  const history = [row('a.sql', '1'), row('b.sql', '2'), row('d.sql', '1', 'seed', 'running')]
  expect(names(seeds, history)).toEqual(['c.sql', 'b.sql', 'd.sql'])
})

test('a migration of that name is not that seed', () => {
  expect(names([seed('a.sql', '1')], [row('a.sql', '1', 'migration')])).toEqual(['a.sql'])
})

test('seeds that ran and are gone are nobody’s business', () => {
  expect(names([], [row('a.sql', '1')])).toEqual([])
})
