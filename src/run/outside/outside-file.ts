import { createHash } from 'node:crypto'
import type { HistoryRow } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Kind, Migration, SqlScript, Statement } from '../../migration.ts'
import type { StepContext } from '../apply/step.ts'

/** A migration that runs outside a transaction, and what the history knows of an earlier try. */
export interface OutsideStep {
  readonly kind: Exclude<Kind, 'seed'>
  readonly migration: Migration
  readonly script: SqlScript
  readonly runId: string
  /** The row an interrupted try left. */
  readonly left: HistoryRow | undefined
  /** The row of a repeatable one that ran to its end with an earlier content. */
  readonly earlier?: HistoryRow | undefined
  readonly invalidIndexes: 'fail' | 'drop'
}

/** The same at work: where it runs, and the text of its file. */
export interface OutsideFile extends OutsideStep {
  readonly run: StepContext
  readonly tables: HistoryTables
  readonly text: string
}

/** The checksum of the first statements, without what stands between them. */
export function checksumOf({ statements }: SqlScript, text: string, count: number): string {
  const hash = createHash('sha256')
  for (const { start, end } of statements.slice(0, count)) hash.update(`${text.slice(start, end)};\n`)
  return `v1:sha256:${hash.digest('hex')}`
}

/** How many of the statements that an interrupted try had done are still the first ones of the file; null for none. */
export function countDone(
  script: SqlScript,
  text: string,
  { statementsDone, doneChecksum }: HistoryRow,
): number | null {
  if (statementsDone === 0) return 0
  return doneChecksum?.split(' ')[0] === checksumOf(script, text, statementsDone) ? statementsDone : null
}

/** Whether a statement commits while it runs, so that nothing but its author can tell how far it came. */
export function commitsWithin({ kind, alone }: Statement): boolean {
  return alone && (kind === 'CallStmt' || kind === 'DoStmt')
}

/** Whether nothing of the file can be there but what its first statement left: no earlier try got anywhere. */
export function isUntouched({ left, migration }: OutsideFile): boolean {
  if (left === undefined) return true
  return left.statementsDone === 0 && left.doneChecksum === null && left.checksum === migration.checksum
}
