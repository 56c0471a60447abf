import { createHash } from 'node:crypto'
import type { HistoryRow } from './history.ts'
import type { Migration, SqlScript } from './migration.ts'

/** A migration that runs outside a transaction, and what the history knows of an earlier try. */
export interface LooseStep {
  readonly migration: Migration
  readonly script: SqlScript
  readonly runId: string
  /** The row an interrupted try left. */
  readonly left: HistoryRow | undefined
  readonly invalidIndexes: 'fail' | 'drop'
}

/** Of the text of the first statements, whatever stands between them. */
export function checksumOf({ statements }: SqlScript, text: string, count: number): string {
  const hash = createHash('sha256')
  for (const { start, end } of statements.slice(0, count)) hash.update(`${text.slice(start, end)};\n`)
  return `v1:sha256:${hash.digest('hex')}`
}
