import type { Problem } from '../errors.ts'
import { largestJoined } from '../sql/joinable.ts'
import { parseStatements } from '../sql/parse-statements.ts'
import { placesIn } from '../sql/position.ts'
import type { TextLayout } from '../sql/script.ts'
import { blank, ended, findSegments } from '../sql/segments.ts'
import { type Allowance, readOwnAllowances } from './allowances.ts'
import { type Role, conclude, inspect, isAlwaysWhole, openInspection } from './check-statement.ts'
import type { Declared } from './declared.ts'
import { readDirectives, readLimits, saysNoTransaction } from './directives.ts'
import { longNamesOf } from './names-in-bodies.ts'
import { joinBlocks } from './rules/block.ts'
import { refuseBesideCopy, refuseCopy } from './rules/copy-data.ts'
import {
  checkDirectives,
  refuseAllButAllow,
  refuseNearMark,
  refuseStrayDowns,
  refuseWaiting,
} from './rules/directive.ts'
import { type LongName, refuseLongNames } from './rules/long-name.ts'
import { isSkipped, refuseMetaCommand } from './rules/meta-command.ts'
import { explainSyntax } from './rules/syntax.ts'

/** The result of checking a text: how it runs, or why it cannot. */
export interface CheckedSql {
  readonly layout: TextLayout
  readonly creates: readonly string[]
  readonly problems: readonly Problem[]
  readonly notices: readonly Problem[]
  /** What its comments allow. */
  readonly own: readonly Allowance[]
  /** Whether it may make names that only the server sees. */
  readonly makesNames: boolean
}

/** A text to check. */
export interface CheckedText {
  /** As messages call it. */
  readonly file: string
  readonly text: string
  readonly role: Role
  /** Whether it runs outside a transaction although no comment of ours says so. */
  readonly outside?: boolean
}

/** Statements that may run SQL which they make themselves. */
const namers = new Set(['DoStmt', 'CallStmt', 'SelectStmt', 'ExecuteStmt', 'Unknown'])

/** Checks a text that is in memory whole. */
export function checkSql({ file, text, role, ...how }: CheckedText, declared: Declared): CheckedSql {
  const placeOf = placesIn(file, text)
  const found = findSegments(text)
  const directives = readDirectives(text)
  const outside =
    (how.outside === true && !isAlwaysWhole(role)) || (!isAlwaysWhole(role) && saysNoTransaction(directives))
  const limits = readLimits(directives)
  const inspection = openInspection(role, outside, declared)
  const { problems } = inspection
  const { own, problems: wrong } = readOwnAllowances(directives, placeOf)
  problems.push(...checkDirectives(directives, placeOf), ...wrong)
  if (role === 'migration') problems.push(...refuseNearMark(text, placeOf))
  if (role === 'repeatable' || role === 'seed') problems.push(...refuseWaiting(directives, placeOf))
  if (role === 'verify') problems.push(...refuseAllButAllow(directives, placeOf))
  if (role !== 'down') problems.push(...refuseStrayDowns(directives, isAlwaysWhole(role), placeOf))
  for (const { start, command } of found.commands)
    if (!isSkipped(command)) problems.push(refuseMetaCommand(command, placeOf(start)))
  for (const start of found.besideCopies) problems.push(refuseBesideCopy(placeOf(start)))
  for (const { start } of found.copies) {
    if (role === 'down' || role === 'verify') problems.push(refuseCopy(role, placeOf(start)))
    else if (outside) problems.push(refuseCopy('outside', placeOf(start)))
  }
  const blanks = [...found.commands, ...found.copies.map(({ data }) => ({ start: data[0], end: data[2] }))]
  const parsed = parseStatements(
    ended(blank(text, blanks), found.commands),
    found.statements,
    (error, start, end, offset) => problems.push(explainSyntax(error, { text, start, end }, offset, placeOf)),
  )
  const statements = parsed.map((one, number) =>
    inspect(inspection, { ...one, text, placeOf, number }, parsed.length === 1),
  )
  const names = found.names.map(({ start, end }): LongName => ({
    written: text.slice(start, end),
    place: placeOf(start),
  }))
  problems.push(...refuseLongNames([...names, ...longNamesOf(parsed, text, placeOf)]))
  // Statements with a syntax error count as well.
  const pair = conclude(inspection, Math.max(statements.length, found.statements.length))
  const isForeign = how.outside === true
  const joined = outside ? joinBlocks(statements, { ...inspection, isForeign }) : null
  problems.push(...(joined?.problems ?? []))
  const kept = joined?.units ?? (pair ? statements.slice(1, -1) : statements)
  const size = Buffer.byteLength(text)
  const single = kept.length === 1 && kept[0]!.alone
  const transaction = isAlwaysWhole(role) || (!single && !outside)
  const layout: TextLayout = {
    transaction,
    isolation: inspection.isolation,
    ...(limits ? { limits } : {}),
    joinable: inspection.joinable && !limits && transaction && size < largestJoined && found.copies.length === 0,
    size,
    statements: kept,
    ...(transaction ? {} : { session: inspection.session }),
    blanks: [
      ...found.commands.map(({ start, end }) => [start, end] as const),
      ...(pair ? [statements[0]!, statements.at(-1)!].map(({ start, end }) => [start, end] as const) : []),
    ],
    copies: found.copies.map(({ statement, data }) => [statement - (pair ? 1 : 0), ...data] as const),
  }
  problems.sort(
    (a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0),
  )
  const makesNames = statements.some(({ kind }) => namers.has(kind))
  return { layout, creates: inspection.creates, problems, notices: inspection.notices, own, makesNames }
}
