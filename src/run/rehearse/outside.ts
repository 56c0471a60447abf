import { allowsLongNames } from '../../checks/how-to-allow.ts'
import { historyTables } from '../../history/tables.ts'
import type { SqlScript, Statement } from '../../migration.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { offsetOfCodePoint, placeAt } from '../../sql/position.ts'
import { withLimits } from '../apply/limits.ts'
import { collectNotices } from '../apply/notices.ts'
import { assertOutside } from '../outside/assertion.ts'
import { failedAtFirst, stopped, stoppedWithin } from '../outside/failures.ts'
import { type OutsideFile, commitsWithin } from '../outside/outside-file.ts'
import { clockSql, lookAtAll, lookSql, readLook } from './look/measure.ts'
import type { RehearsedStatement } from './rehearsal.ts'
import {
  type Outcome,
  type PendingMigration,
  type Rehearsing,
  failedAtPlace,
  rehearsedStatement,
} from './rehearsing.ts'
import { PartError, sendParts } from './send.ts'
import type { Unit } from './units.ts'
import { type Witness, withWitness } from './look/witness.ts'

/** Runs a SQL file statement by statement, as up does; what no transaction may hold is watched by the witness. Never rejects for what up would call a failure. */
export async function rehearseOutside(
  rehearsing: Rehearsing,
  witness: Witness,
  { kind, one }: PendingMigration,
  script: SqlScript,
): Promise<Outcome> {
  const on = withLimits(rehearsing.on, script.limits)
  const text = script.read()
  const tables = historyTables(on.session, { schema: 'upfront', tenant: false, leaseSchema: 'upfront' })
  const outside: OutsideFile = { kind, run: on, tables, text, migration: one, script, runId: '', left: undefined, invalidIndexes: 'fail' } // prettier-ignore
  const statements: RehearsedStatement[] = []
  const rehearsed = { kind, name: one.name, file: one.file, how: 'statement by statement', statements, commitMs: null } as const // prettier-ignore
  const notices = collectNotices(on, one.name, { mayCut: allowsLongNames(one) })
  let i = 0
  try {
    for (; i < script.statements.length; i += 1) {
      on.signal.throwIfAborted()
      statements.push(...(await runStatement({ ...rehearsing, on }, witness, outside, i)))
      const truncated = notices.truncated()
      if (truncated !== undefined) throw new ScriptError(0, { code: '42622', message: truncated })
    }
    await assertOutside(on, one)
    return { rehearsed }
  } catch (error) {
    await rollBack(on.session)
    const failure = explain(outside, i, error)
    return { rehearsed: { ...rehearsed, failed: failedAtPlace(one, failure, i + 1) }, error: failure }
  } finally {
    notices.stop()
  }
}

async function runStatement(
  rehearsing: Rehearsing,
  witness: Witness,
  outside: OutsideFile,
  i: number,
): Promise<RehearsedStatement[]> {
  const statement = outside.script.statements[i]!
  const { kind, alone } = statement
  if (statement.block || !alone || kind === 'CallStmt') {
    try {
      return await inTransaction(rehearsing, outside, i)
    } catch (error) {
      // Only the server knows whether a CALL commits: in a transaction it says so, and nothing is done.
      if (statement.block || codeOf(error) !== '2D000') throw error
      await rollBack(rehearsing.on.session)
    }
  }
  return [await runAlone(rehearsing, witness, outside, i)]
}

/** A statement, or BEGIN ... COMMIT as the file has it. */
async function inTransaction(rehearsing: Rehearsing, outside: OutsideFile, i: number): Promise<RehearsedStatement[]> {
  const { on, watcher } = rehearsing
  const { text } = outside
  const { block, ...whole } = outside.script.statements[i]!
  const early = block ? block.statements.filter(({ end }) => end <= block.open).length : 0
  const inner = block ? block.statements.slice(early) : [whole]
  watcher.begin()
  const look = { sql: lookSql(), count: 1 }
  const begin = block ? { sql: text.slice(whole.start, block.open), count: 1 + early } : { sql: 'begin', count: 1 }
  const parts = [
    begin,
    { sql: clockSql(watcher.counting()), count: 1 },
    ...inner.flatMap(({ start, end }) => [{ sql: text.slice(start, end), count: 1 }, look]),
  ]
  const answers = await sendParts(on.session, parts).catch((error: unknown) => {
    const failed = error instanceof PartError && error.at.part >= 2 ? inner[(error.at.part - 2) >> 1] : undefined
    throw failed ? new PlacedError(error as PartError, failed.start) : error
  })
  const { tags } = await runScript(on.session, 'commit')
  if (tags[0] !== 'COMMIT') throw new ScriptError(0, new Error(`COMMIT answered ${tags[0] ?? 'nothing'}`))
  const transaction = rehearsing.nextTransaction()
  let before = readLook(answers[1]!)
  watcher.observe(before, 'itself')
  return inner.map((one, n) => {
    const after = readLook(answers[3 + 2 * n]!)
    const times = { from: before.to, to: after.from, transaction }
    before = after
    return rehearsedStatement(rehearsing, unitOf(one, i, text), times, watcher.observe(after, 'itself'))
  })
}

async function runAlone(
  rehearsing: Rehearsing,
  witness: Witness,
  outside: OutsideFile,
  i: number,
): Promise<RehearsedStatement> {
  const { on, watcher } = rehearsing
  const statement = outside.script.statements[i]!
  watcher.compare(await lookAtAll(on.session))
  const unit = unitOf(statement, i, outside.text)
  const clock = async () => readLook((await sendParts(on.session, [{ sql: clockSql(), count: 1 }]))[0]!)
  const { to: from } = await clock()
  let ms = 0
  const locks = await withWitness(witness, on.session.backendPid, async () => {
    const begun = performance.now()
    await runScript(on.session, unit.sql)
    ms = performance.now() - begun
  })
  const effects = watcher.compare(await lookAtAll(on.session), locks)
  return rehearsedStatement(rehearsing, unit, { from, to: from + ms, transaction: null }, effects)
}

function unitOf(
  { start, end, line, kind }: Pick<Statement, 'start' | 'end' | 'line' | 'kind'>,
  i: number,
  text: string,
): Unit {
  return { first: i + 1, last: i + 1, line, start, kind, sql: text.slice(start, end) }
}

/** A failure of a statement inside of a block, which has a place of its own. */
class PlacedError extends ScriptError {
  readonly start: number
  readonly position: number | null

  constructor(error: PartError, start: number) {
    super(error.statement, error.error)
    this.start = start
    this.position = error.at.position
  }
}

/** The failure that up would end with. */
function explain(outside: OutsideFile, i: number, error: unknown): unknown {
  if (!(error instanceof ScriptError)) return error
  const { text, migration, script } = outside
  const statement = script.statements[i]!
  const { position } = error.error as { position?: string }
  const start = error instanceof PlacedError ? error.start : statement.start
  const within = error instanceof PlacedError ? error.position : position === undefined ? null : Number(position) - 1
  const place = placeAt(migration.file, text, start + offsetOfCodePoint(text.slice(start), within ?? 0))
  if (commitsWithin(statement)) return stoppedWithin(outside, i, error.error, place)
  return i === 0 ? failedAtFirst(outside, error.error, place) : stopped(outside, i, error.error, place)
}

function codeOf(error: unknown): string | undefined {
  return error instanceof ScriptError ? (error.error as { code?: string }).code : undefined
}
