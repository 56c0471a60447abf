import type { Place } from '../../errors.ts'
import type { Statement } from '../../migration.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { toOwnEncoding, toOwnRoleForNow } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { codePoints, offsetOfCodePoint, placeAt } from '../../sql/position.ts'
import { lockGone } from '../apply/failures.ts'
import type { StepContext } from '../apply/step.ts'

/** A statement, or a BEGIN ... COMMIT block, and the statement of ours that records it. */
export interface Unit {
  /** The whole text that it is in. */
  readonly text: string
  readonly statement: Statement
  readonly record: string
  /** For messages. */
  readonly name: string
  readonly file: string
}

/** What stops a unit whose transaction was rolled back: what the server said, and of which place. */
export class UnitError extends ScriptError {
  readonly place: Place

  constructor({ statement, error }: ScriptError, place: Place) {
    super(statement, error)
    this.place = place
  }
}

/**
 * Runs a unit and its record as one transaction; COMMIT is a message of its own, so that `refuse` can still throw. False
 * when the unit ends transactions itself. Whenever it does not resolve with true, nothing of it was done; rejects with a
 * UnitError, with LOST when the lock was gone, with the socket's error when the connection is.
 */
export async function runInOwnTransaction(run: StepContext, unit: Unit, refuse: () => void): Promise<boolean> {
  const { session } = run
  const parts = partsOf(run, unit)
  try {
    await runScript(session, parts.map(({ sql }) => sql).join(''))
  } catch (error) {
    if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
    await rollBack(session)
    const { code } = error.error as { code?: string }
    if (code === '2D000' && !unit.statement.block) return false
    if (code === '22012' && isOfLock(parts, error.statement)) throw lockGone(unit, error.error)
    throw new UnitError(error, placeOf(unit, parts, error))
  }
  try {
    refuse()
  } catch (error) {
    await rollBack(session)
    throw error
  }
  await commit(run, unit)
  return true
}

async function commit({ session }: StepContext, { statement, file, text }: Unit): Promise<void> {
  const place = placeAt(file, text, statement.block?.close ?? statement.start)
  try {
    const { tags } = await runScript(session, 'commit')
    if (tags[0] === 'COMMIT') return
    throw new ScriptError(0, new Error(`COMMIT answered ${tags[0] ?? 'nothing'}`))
  } catch (error) {
    if (isConnectionLost((error as ScriptError).error)) throw error
    await rollBack(session)
    throw new UnitError(error as ScriptError, place)
  }
}

/** A part of the message, with where it is in the file unless it is ours, and how many statements it has. */
interface Part {
  readonly sql: string
  readonly from?: number
  readonly count: number
}

const lockPart = 1

function partsOf(run: StepContext, { text, statement, record }: Unit): Part[] {
  const { start, end, block } = statement
  const lock = { sql: `;\nselect 1 / pg_catalog.pg_try_advisory_xact_lock(${run.lockKey})::int;\n`, count: 1 }
  // The role that the file has set goes on holding after the commit.
  const ending = { sql: `\n;${toOwnEncoding};${toOwnRoleForNow(run.settings)};\n${record}`, count: Infinity }
  if (!block) {
    return [{ sql: 'begin', count: 1 }, lock, { sql: text.slice(start, end), from: start, count: 1 }, ending]
  }
  const { open, close, statements } = block
  const early = statements.filter((one) => one.end <= open).length
  return [
    { sql: text.slice(start, open), from: start, count: 1 + early },
    lock,
    { sql: text.slice(open, close), from: open, count: statements.length - early },
    ending,
  ]
}

function isOfLock(parts: readonly Part[], statement: number): boolean {
  return statement === parts[lockPart - 1]!.count
}

function placeOf(
  { file, text, statement }: Unit,
  parts: readonly Part[],
  { statement: nth, error }: ScriptError,
): Place {
  const { position } = error as { position?: string }
  const at = position === undefined ? offsetOfStatement(statement, parts, nth) : offsetOf(parts, Number(position) - 1)
  return placeAt(file, text, at ?? statement.start)
}

/** Where in the file a code point of the message is; undefined in what is ours. */
function offsetOf(parts: readonly Part[], point: number): number | undefined {
  let before = 0
  for (const { sql, from } of parts) {
    const length = codePoints(sql)
    if (point < before + length) return from === undefined ? undefined : from + offsetOfCodePoint(sql, point - before)
    before += length
  }
  return undefined
}

/** Run-time errors carry no position; the number of completed statements says which one failed. */
function offsetOfStatement({ start, block }: Statement, parts: readonly Part[], nth: number): number | undefined {
  if (!block) return start
  const own = nth - parts[0]!.count
  if (own < 0) return nth === 0 ? start : block.statements[nth - 1]?.start
  return block.statements[parts[0]!.count - 1 + own - 1]?.start ?? block.close
}
