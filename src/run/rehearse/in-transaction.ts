import { allowsLongNames } from '../../checks/how-to-allow.ts'
import { Failure } from '../../errors.ts'
import type { SqlScript } from '../../migration.ts'
import { nameSession } from '../../postgres/prepare.ts'
import { rollBack } from '../../postgres/script.ts'
import { codePoints } from '../../sql/position.ts'
import { failed, truncation } from '../apply/failures.ts'
import { withLimits } from '../apply/limits.ts'
import { collectNotices } from '../apply/notices.ts'
import type { Step } from '../apply/step.ts'
import { endAndCommit, endInTransaction } from './ending.ts'
import { clockSql, lookSql, readLook } from './look/measure.ts'
import type { RehearsedStatement } from './rehearsal.ts'
import {
  type Outcome,
  type PendingMigration,
  type Rehearsing,
  failedAtPlace,
  rehearsedStatement,
} from './rehearsing.ts'
import { type Part, PartError, sendParts, sendUnit } from './send.ts'
import { type Unit, unitsOf } from './units.ts'

/** Runs a SQL migration in a transaction, as up does, with a look before and after each statement; never rejects for what up would call a failure. */
export async function rehearseInTransaction(
  rehearsing: Rehearsing,
  { kind, one }: PendingMigration,
  script: SqlScript,
): Promise<Outcome> {
  const { session } = rehearsing.on
  const on = withLimits(rehearsing.on, script.limits)
  const statements: RehearsedStatement[] = []
  const step: Step = { kind, name: one.name, file: one.file, allow: one.allow, before: '', after: '', body: script, assertion: one.assertion } // prettier-ignore
  const notices = collectNotices(on, one.name, { mayCut: allowsLongNames(one) })
  const base = { kind, name: one.name, file: one.file, how: 'transaction', statements } as const
  let commitMs: number | null = null
  let isOver = false
  try {
    await runUnits({ ...rehearsing, on }, step, script, statements)
    const truncated = notices.truncated()
    if (truncated !== undefined) throw truncation(step, truncated)
    isOver = true
    if (rehearsing.within) {
      await session.query(rehearsing.within.bound())
      await endInTransaction(on, step)
    } else commitMs = await endAndCommit(on, step)
    return { rehearsed: { ...base, commitMs } }
  } catch (error) {
    if (!rehearsing.within) await rollBack(session)
    const statement = isOver ? null : failedStatement(statements, error)
    return { rehearsed: { ...base, commitMs, failed: failedAtPlace(one, error, statement) }, error }
  } finally {
    notices.stop()
  }
}

function failedStatement(statements: readonly RehearsedStatement[], error: unknown): number | null {
  return error instanceof Failure && error.facts.sqlstate === '42622' ? null : (statements.at(-1)?.last ?? 0) + 1
}

/** How much is sent as one message where nothing has to be bounded in between; text, without our looks. */
const messageSize = 65_536

const setsIsolation = /^\s*set\s+transaction\s+isolation\s/i

async function runUnits(
  rehearsing: Rehearsing,
  step: Step,
  script: SqlScript,
  statements: RehearsedStatement[],
): Promise<void> {
  const { on, watcher, within } = rehearsing
  const transaction = within?.transaction ?? rehearsing.nextTransaction()
  if (!within) watcher.begin()
  let last = 0
  const looked = (unit: Unit | null, answer: string) => {
    const look = readLook(answer)
    const effects = watcher.observe(look, 'itself')
    if (unit) statements.push(rehearsedStatement(rehearsing, unit, { from: last, to: look.from, transaction }, effects))
    last = look.to
  }
  let message: { part: Part; unit: Unit | null; looks: boolean }[] = []
  const add = (part: Part, unit: Unit | null, looks: boolean) => message.push({ part, unit, looks })
  const flush = async () => {
    const sent = message
    message = []
    const answers = await sendParts(
      on.session,
      sent.map(({ part }) => part),
    ).catch((error: unknown) => {
      if (!(error instanceof PartError)) throw error
      for (const [i, { unit, looks }] of sent.slice(0, error.at.part).entries())
        if (looks) looked(unit, error.at.answers[i]!)
      // The message as a whole could not be read: the database's encoding lacks a character.
      const isUnread = (error.error as { code?: string }).code === '22P05' && error.at.part === 0
      const at = isUnread ? sent.find(({ unit }) => unit !== null) : sent[error.at.part]
      throw failedAt(step, at?.unit ?? null, error, script)
    })
    for (const [i, { unit, looks }] of sent.entries()) if (looks) looked(unit, answers[i]!)
  }
  const look = (unit: Unit) => add({ sql: lookSql(), count: 1 }, unit, true)
  if (!within) add({ sql: beginning(rehearsing, step, script), count: 2 }, null, false)
  add({ sql: within ? lookSql(watcher.counting()) : clockSql(watcher.counting()), count: 1 }, null, true)
  let size = 0
  for (const unit of unitsOf(script)) {
    on.signal.throwIfAborted()
    // Of a transaction that has begun earlier that is said already, or cannot be.
    if (within && script.isolation !== undefined && setsIsolation.test(unit.sql)) continue
    if (within) add({ sql: within.bound(), count: 1 }, unit, false)
    if (unit.data) {
      await flush()
      await sendUnit(on.session, unit).catch((error: unknown) => {
        throw error instanceof PartError ? failedAt(step, unit, error, script) : error
      })
    } else add({ sql: unit.sql, count: unit.last - unit.first + 1 }, unit, false)
    look(unit)
    size += unit.sql.length
    if (!within && size < messageSize && !unit.data) continue
    await flush()
    size = 0
  }
  if (message.length > 0) await flush()
}

function beginning({ on }: Rehearsing, step: Step, { isolation, limits }: SqlScript): string {
  const { lockTimeoutMs, statementTimeoutMs, applicationName } = on.settings
  const values: Record<string, string> = {
    application_name: nameSession(applicationName, step.name),
    ...(limits ? { lock_timeout: `${lockTimeoutMs}ms`, statement_timeout: `${statementTimeoutMs}ms` } : {}),
  }
  const { escapeLiteral } = on.session.client
  const calls = Object.entries(values).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${escapeLiteral(value)}, true)`,
  )
  return `begin${isolation === undefined ? '' : ` isolation level ${isolation}`};\nselect ${calls.join(', ')}`
}

/** The failure that up would end with. */
function failedAt(step: Step, unit: Unit | null, error: PartError, script: SqlScript): unknown {
  if (!unit) return error.error
  if (unit.start === null) {
    const chunk = { sql: unit.sql, line: unit.line, statements: unit.last - unit.first + 1 }
    return failed(step, error.error, { chunk, statement: error.statement, known: undefined, before: '' })
  }
  const text = script.read()
  // Up sends the whole text, so that positions are those of the file.
  if (error.at.position !== null)
    (error.error as { position?: string }).position = String(
      codePoints(text.slice(0, unit.start)) + error.at.position + 1,
    )
  const at = { chunk: { sql: text, line: 1, statements: script.statements.length }, statement: unit.first - 1 }
  return failed(step, error.error, { ...at, known: script.statements[unit.first - 1], before: '' })
}
