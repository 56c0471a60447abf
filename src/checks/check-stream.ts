import type { Place, Problem } from '../errors.ts'
import type { Isolation, Limits } from '../migration.ts'
import { excerpt } from '../sql/excerpt.ts'
import { keyOf, makeFingerprint } from '../sql/lex/fingerprint.ts'
import { hashOf } from '../sql/lex/token.ts'
import { lineAt, openWindow, textBetween } from '../sql/lex/window.ts'
import { parse } from '../sql/parser.ts'
import { placeIn } from '../sql/place-in-window.ts'
import { placesIn } from '../sql/position.ts'
import { type SplitStatement, StatementTooLarge, largestStatement, split } from '../sql/split.ts'
import { type Allowance, readOwnAllowances } from './allowances.ts'
import { type Role, conclude, inspect, isAlwaysWhole, openInspection } from './check-statement.ts'
import type { Declared } from './declared.ts'
import { readDirectives, readLimits, saysNoTransaction } from './directives.ts'
import { finding } from './finding.ts'
import { longNamesOf } from './names-in-bodies.ts'
import { refuseBesideCopy, refuseCopy } from './rules/copy-data.ts'
import { checkDirectives, refuseNearMark, refuseWaiting } from './rules/directive.ts'
import { type LongName, refuseLongNames } from './rules/long-name.ts'
import { isSkipped, refuseMetaCommand } from './rules/meta-command.ts'
import { refuseSize } from './rules/statement-size.ts'
import { explainSyntax } from './rules/syntax.ts'

/** A chunk of a large file, in bytes of the normalised text: where it begins and ends, its line, its COPY's data. */
export type ChunkPlace = readonly [
  start: number,
  end: number,
  line: number,
  statements: number,
  dataStart?: number,
  dataEnd?: number,
]

/** The result of checking a text that was never in memory whole. */
export interface CheckedStream {
  readonly chunks: readonly ChunkPlace[]
  readonly isolation: Isolation | undefined
  readonly creates: readonly string[]
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
}

/** Files over this are read chunk by chunk. */
export const largestWhole = 1 << 20
const chunkSize = 64 << 10
const fingerprintsKept = 100_000
const namesKept = 100
/** Statements that come in great numbers, of which the fingerprint tells whether they are right. */
const alike = new Set(['insert', 'update', 'delete', 'select', 'with', 'values', 'merge', 'copy', 'comment', 'grant'].map(hashOf)) // prettier-ignore

/** Checks a text as it is read, and says into which chunks it is cut. */
export function checkStream(file: string, read: () => Buffer | null, role: Role, declared: Declared): CheckedStream {
  const window = openWindow(read)
  const known = { statements: new Set<number>(), rows: new Set<number>() }
  const fingerprint = makeFingerprint(known)
  const inspection = openInspection(role, false, declared)
  const { problems, controls } = inspection
  const chunks: ChunkPlace[] = []
  const ofControls = new Set<ChunkPlace>()
  const names: LongName[] = []
  const placeAt = (offset: number) => placeIn(window, file, offset)
  let open: { start: number; line: number; end: number; statements: number } | null = null
  let number = 0

  const close = (data?: readonly [number, number]): ChunkPlace | null => {
    if (open === null) return null
    const chunk: ChunkPlace = [open.start, open.end, open.line, open.statements, ...(data ?? [])]
    chunks.push(chunk)
    open = null
    return chunk
  }
  const statement = (one: SplitStatement): void => {
    if (open !== null && one.next - open.start > chunkSize) close()
    const before = controls.length
    check(one)
    const controlled = controls.length > before
    if (controlled) close()
    open ??= { start: one.start, line: lineAt(window, one.start), end: 0, statements: 0 }
    open.end = one.next
    open.statements += 1
    number += 1
    if (controlled) ofControls.add(close()!)
  }
  const check = ({ start, end, head }: SplitStatement): void => {
    const isAlike = alike.has(head) && inspection.added.length === 0
    const key = keyOf(fingerprint)
    if (isAlike && fingerprint.newRows.length === 0 && known.statements.has(key)) return
    if (known.statements.size + known.rows.size > fingerprintsKept) {
      known.statements.clear()
      known.rows.clear()
    }
    const part = excerpt(window, start, end, fingerprint)
    const parsed = part === null ? 'unknown' : parse(part.text)
    if (part === null || parsed === 'unknown') return
    const placeOf = (offset: number): Place => placeAt(part.originOf(offset))
    if ('error' in parsed) {
      problems.push(
        explainSyntax(parsed.error, { text: part.text, start: 0, end: part.text.length }, parsed.offset, placeOf),
      )
      return
    }
    for (const found of parsed.statements) inspect(inspection, { ...found, text: part.text, placeOf, number }, false)
    names.push(...longNamesOf(parsed.statements, part.text, placeOf).slice(0, namesKept - names.length))
    if (!isAlike) return
    known.statements.add(key)
    for (const row of fingerprint.newRowKeys) known.rows.add(row)
  }
  try {
    split(
      window,
      {
        statement: (one) => {
          statement(one)
          // The data do not stay in the window, so the place of their statement is taken now.
          if (one.copies && role === 'down') problems.push(refuseCopy('down', placeAt(one.start)))
        },
        copyData: (start, end) => {
          if (open !== null) close([start, end])
        },
        besideCopy: (start) => problems.push(refuseBesideCopy(placeAt(start))),
        metaCommand: (start, end) => {
          close()
          const command = textBetween(window, start, end)
          if (!isSkipped(command)) problems.push(refuseMetaCommand(command, placeAt(start)))
        },
        longName: (start, end) => {
          if (names.length < namesKept) names.push({ written: textBetween(window, start, end), place: placeAt(start) })
        },
        keep: () => open?.start ?? Infinity,
      },
      fingerprint,
    )
  } catch (error) {
    if (!(error instanceof StatementTooLarge)) throw error
    problems.push(refuseSize(placeAt(error.start), largestStatement))
  }
  close()
  problems.push(...refuseLongNames(names))
  // Of similar statements only the first is inspected, so any of the others may contain a backslash.
  if (inspection.escapes) inspection.escapes.met = true
  const pair = conclude(inspection, number)
  const kept = pair ? chunks.filter((chunk) => !ofControls.has(chunk)) : chunks
  const { isolation, creates, notices } = inspection
  return { chunks: kept, isolation, creates, problems, notices }
}

/**
 * What the beginning of a large file says about it; outside a transaction it cannot run, because it has too many
 * statements to record each.
 */
export function checkBeginning(
  file: string,
  beginning: string,
  role: Role,
): {
  readonly own: readonly Allowance[]
  readonly limits: Limits | undefined
  readonly problems: readonly Problem[]
} {
  const directives = readDirectives(beginning).filter(({ leading }) => leading)
  const limits = readLimits(directives)
  const placeOf = placesIn(file, beginning)
  const { own, problems: wrong } = readOwnAllowances(directives, placeOf)
  const problems = [...checkDirectives(directives, placeOf), ...wrong]
  if (role === 'migration') problems.push(...refuseNearMark(beginning, placeOf))
  if (role === 'repeatable' || role === 'seed') problems.push(...refuseWaiting(directives, placeOf))
  if (isAlwaysWhole(role) || !saysNoTransaction(directives)) return { own, limits, problems }
  const place = { file, line: 1, column: 1, text: '' }
  const what = 'a file of more than 1 MiB cannot run outside a transaction'
  const marked = finding('alone', what, place, 'Put the statement that has to into a file of its own.')
  return { own, limits, problems: [...problems, marked] }
}
