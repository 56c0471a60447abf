import type { Place, Problem } from '../errors.ts'
import type { Isolation, Statement } from '../migration.ts'
import { createdRelations, statedIndex } from '../sql/created.ts'
import { isJoinable } from '../sql/joinable.ts'
import { type ParsedStatement, offsetIn } from '../sql/parser.ts'
import { statedTarget } from '../sql/target.ts'
import { type Declared, noteDeclared } from './declared.ts'
import { statementsOfDo } from './do-statements.ts'
import { noteMade } from './made.ts'
import { type AloneStatement, aloneName, mayBeAlone, refuseAlone, refuseAloneInWhole } from './rules/alone.ts'
import { isReadOnly, refuseReadOnly } from './rules/block.ts'
import { type AddedValue, addedValue, refuseNewValues } from './rules/enum-value.ts'
import { bodyOf, checkBody } from './rules/function-body.ts'
import { type Taken, needContract, takenAway } from './rules/needs-contract.ts'
import { refuseUnlock } from './rules/session-lock.ts'
import { refuseLost, sessionEffect } from './rules/session-state.ts'
import { refuseEscapes, stringsBehind } from './rules/string-escapes.ts'
import {
  type Control,
  controlOf,
  isOuterPair,
  isolationOf,
  pairNotice,
  refuseControls,
} from './rules/transaction-control.ts'

/** What a text is for. */
export type Role = 'migration' | 'repeatable' | 'seed' | 'down' | 'verify'

/** Whether a transaction holds the text as a whole, whatever it says. */
export function isAlwaysWhole(role: Role): boolean {
  return role === 'seed' || role === 'repeatable' || role === 'verify'
}

/** A statement in the text that it was parsed in. */
export interface Seen extends ParsedStatement {
  readonly text: string
  readonly placeOf: (offset: number) => Place
  /** The number of the statement in its file, from 0. */
  readonly number: number
}

/** What is known of a file while its statements are read. */
export interface Inspection {
  readonly role: Role
  /** Whether it says that it runs outside a transaction. */
  readonly outside: boolean
  readonly declared: Declared
  readonly problems: Problem[]
  readonly notices: Problem[]
  readonly creates: string[]
  readonly controls: Control[]
  readonly alone: AloneStatement[]
  readonly added: AddedValue[]
  readonly taken: Taken[]
  /** By what is found again what the file makes, temporary things and columns too. */
  readonly made: Set<string>
  /** False after pg_dump has turned the checking of bodies off. */
  checksBodies: boolean
  joinable: boolean
  /** The level that its transaction begins with. */
  isolation: Isolation | undefined
  /** Where backslashes began to be escapes, and whether there may be one behind that. */
  escapes: { readonly place: Place; met: boolean } | null
  /** Whether nothing but settings has been seen. */
  isFresh: boolean
  /** Whether a BEGIN of a file outside a transaction is open. */
  isInBlock: boolean
  /** What such a file sets in its session, and what a new session could not have, with the number of the statement. */
  readonly session: (readonly [start: number, end: number])[]
  readonly lost: { readonly statement: number; readonly problem: Problem }[]
}

export function openInspection(role: Role, outside: boolean, declared: Declared): Inspection {
  const lists = {
    problems: [],
    notices: [],
    creates: [],
    controls: [],
    alone: [],
    added: [],
    taken: [],
    session: [],
    lost: [],
  }
  const flags = {
    checksBodies: true,
    joinable: true,
    isolation: undefined,
    escapes: null,
    isFresh: true,
    isInBlock: false,
  }
  return { role, outside, declared, made: new Set(), ...lists, ...flags }
}

/** Looks at one statement; answers how it is to run. */
export function inspect(inspection: Inspection, seen: Seen, isWholeFile: boolean): Statement {
  const { kind, node, start, end, text, placeOf, number } = seen
  const { problems, declared, role } = inspection
  const place = placeOf(start)
  const level = isolationOf(kind, node)
  if (level !== null && inspection.isFresh && !inspection.outside && role !== 'verify') inspection.isolation ??= level
  const control = kind === 'VariableSetStmt' && inspection.isolation === level ? null : controlOf(kind, node, role)
  inspection.isFresh &&= kind === 'VariableSetStmt' || (control?.opens ?? false)
  if (control) inspection.controls.push({ ...control, statement: number, place })
  const sql = text.slice(start, end)
  problems.push(...refuseUnlock(kind, node, sql, place))
  const strings = stringsBehind(kind, node, sql)
  if (inspection.escapes && sql.includes('\\')) inspection.escapes.met = true
  if (strings === 'escaped') inspection.escapes ??= { place, met: false }
  if (strings === 'plain' && inspection.escapes?.met === false) inspection.escapes = null
  const name = aloneName(kind, node)
  if (name !== null) inspection.alone.push({ name, place, statement: number })
  const commits = inspectBody(inspection, seen)
  if (commits) inspection.alone.push({ name: 'a COMMIT or ROLLBACK in a DO', place, statement: number })
  if (inspection.outside) inspectSession(inspection, seen, place, control)
  if (inspection.added.length > 0 && !inspection.outside) {
    const placeOfByte = (byte: number) => placeOf(offsetIn(seen, byte))
    problems.push(...refuseNewValues(inspection.added, seen, declared, placeOfByte))
  }
  const added = addedValue(kind, node, declared, place.line)
  if (added) inspection.added.push(added)
  if (role === 'migration') inspectTaken(inspection, seen, place)
  if (role === 'migration' || role === 'repeatable') noteDeclared(declared, kind, node)
  inspection.creates.push(...createdRelations({ [kind]: node }))
  inspection.joinable &&= isJoinable(kind, node) && level === null
  const alone =
    name !== null || commits || ((isWholeFile || inspection.outside) && mayBeAlone(kind, !inspection.outside))
  const target = name === null ? undefined : statedTarget(kind, node)
  const index = kind === 'IndexStmt' && name !== null ? { index: statedIndex(node) } : {}
  return { start, end, line: place.line, kind, alone, ...index, ...(target ? { target } : {}) }
}

/** Notes what a statement takes away that the file has not made before, and what it makes. */
function inspectTaken({ taken, made }: Inspection, seen: Seen, place: Place): void {
  const isWorthIt = seen.kind === 'DoStmt' && /drop|rename|alter/i.test(seen.text.slice(seen.start, seen.end))
  for (const { kind, node } of isWorthIt ? [seen, ...statementsOfDo(seen, seen.text)] : [seen]) {
    taken.push(...takenAway(kind, node, place).filter(({ keys }) => !keys.some((key) => made.has(key))))
    noteMade(made, kind, node)
  }
}

/** Notes what a statement outside a transaction does to the session, and whether a block is open behind it. */
function inspectSession(
  inspection: Inspection,
  { kind, node, text, start, end, number }: Seen,
  place: Place,
  control: Pick<Control, 'begins' | 'name'> | null,
): void {
  if (isReadOnly(kind, node)) inspection.problems.push(refuseReadOnly(place))
  const effect = sessionEffect(kind, node, text.slice(start, end), inspection.isInBlock)
  if (effect === 'again') inspection.session.push([start, end])
  else if (effect !== 'none') inspection.lost.push({ statement: number, problem: refuseLost(effect, place) })
  if (control && !control.name.startsWith('SET')) inspection.isInBlock = control.begins
}

/** Whether it is a DO that commits, which only a file outside a transaction may contain. */
function inspectBody(inspection: Inspection, seen: Seen): boolean {
  const { kind, node, start, end, text, placeOf } = seen
  if (kind === 'VariableSetStmt' && node['name'] === 'check_function_bodies') inspection.checksBodies = false
  if (kind === 'SelectStmt' && /check_function_bodies/i.test(text.slice(start, end))) inspection.checksBodies = false
  const body = bodyOf(seen, text)
  if (body === null || (kind !== 'DoStmt' && !inspection.checksBodies)) return false
  const found = checkBody(seen, body, text, placeOf)
  const commits = found.some(({ rule }) => rule === 'alone')
  if (!commits || !inspection.outside) inspection.problems.push(...found)
  return commits && inspection.outside
}

/** Checks what only the whole file shows; returns the pair of statements to leave out, if there is one. */
export function conclude(inspection: Inspection, statements: number): readonly [Control, Control] | null {
  const { controls, alone, problems, notices, role, outside } = inspection
  const misread = inspection.escapes?.met || problems.some(({ rule }) => rule === 'syntax')
  if (inspection.escapes && misread) problems.push(refuseEscapes(inspection.escapes.place))
  notices.push(...needContract(inspection.taken, inspection.made))
  const pair = !outside && isOuterPair(controls, statements)
  if (pair) notices.push(...(role === 'verify' ? [] : [pairNotice(controls[0]!)]))
  else if (!outside) problems.push(...refuseControls(controls, role))
  // A down is never resumed, so it has no session to restore.
  const isLast = (statement: number) => statement === statements - 1 || role === 'down'
  problems.push(...inspection.lost.flatMap(({ statement, problem }) => (isLast(statement) ? [] : [problem])))
  if (isAlwaysWhole(role)) problems.push(...alone.map((one) => refuseAloneInWhole(one, role)))
  else if (role === 'migration' && !outside && statements > 1) problems.push(...alone.map(refuseAlone))
  return pair ? [controls[0]!, controls[1]!] : null
}
