import type { Identity } from '../migration.ts'
import { asRecorded } from './as-recorded.ts'
import type { HistoryRow } from './rows.ts'

/** The seeds that never ran with this content, in their order; a changed one runs again, an unchanged one does not. */
export function pendingSeeds(seeds: readonly Identity[], history: readonly HistoryRow[]): Identity[] {
  const rows = history.filter((row) => row.kind === 'seed')
  const ran = new Map(rows.map((row) => [row.name, row]))
  return asRecorded(seeds, rows).filter(({ name, checksum }) => {
    const row = ran.get(name)
    return row === undefined || row.checksum !== checksum || row.state !== 'applied'
  })
}
