import type { Identity, Kind } from '../migration.ts'
import { asRecorded } from './as-recorded.ts'
import type { HistoryRow } from './rows.ts'

/** What never ran with this content, in its order: a changed seed or repeatable runs again, an unchanged one does not. */
export function pendingAgain(
  kind: Exclude<Kind, 'migration'>,
  files: readonly Identity[],
  history: readonly HistoryRow[],
): Identity[] {
  const rows = history.filter((row) => row.kind === kind)
  const ran = new Map(rows.map((row) => [row.name, row]))
  return asRecorded(files, rows).filter(({ name, checksum }) => {
    const row = ran.get(name)
    return row === undefined || row.checksum !== checksum || row.state === 'running'
  })
}

/** Of those what no version of them was ever run for: `up` of an image that the database is ahead of leaves what a newer one made. */
export function neverRan(again: readonly Identity[], history: readonly HistoryRow[]): Identity[] {
  const ran = new Set(history.filter(({ state }) => state !== 'running').map(({ kind, name }) => `${kind} ${name}`))
  return again.filter(({ name }) => !ran.has(`repeatable ${name}`) && !ran.has(`seed ${name}`))
}
