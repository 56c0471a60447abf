import type { SqlScript } from '../../migration.ts'
import { forFile, nameSession } from '../../postgres/prepare.ts'
import { rollBack } from '../../postgres/script.ts'
import { runsCode } from '../apply/joined.ts'
import { clockSql, lookSql, readLook } from './look/measure.ts'
import type { RehearsedMigration, RehearsedStatement } from './rehearsal.ts'
import { type PendingMigration, type Rehearsing, rehearsedStatement } from './rehearsing.ts'
import { type Part, PartError, sendParts } from './send.ts'
import { type Unit, unitsOf } from './units.ts'

/** A small migration that may share a message with others, each in its own transaction. */
export interface Joinable {
  readonly pending: PendingMigration
  readonly script: SqlScript
}

const messageSize = 65_536

/** Those of the next migrations that up would send together. */
export function takeJoinable(pending: readonly PendingMigration[]): Joinable[] {
  const taken: Joinable[] = []
  let size = 0
  for (const one of pending) {
    const { script } = one.one
    if (script.kind !== 'sql' || !script.transaction || !script.joinable || script.limits || one.one.assertion) break
    size += script.size
    if (size > messageSize || script.statements.length === 0) break
    taken.push({ pending: one, script })
  }
  return taken
}

const prepared = 'upfront_rehearse_look'

/**
 * Runs them as one message with a look behind each statement; resolves with those that went through, and leaves the first that
 * did not, and what comes after it, as if it had not been sent.
 */
export async function rehearseJoined(
  rehearsing: Rehearsing,
  joined: readonly Joinable[],
  hasEventTriggers: boolean,
): Promise<RehearsedMigration[]> {
  const { on, watcher } = rehearsing
  const { session } = on
  const clock: Part = { sql: clockSql(watcher.counting()), count: 1 }
  const members = joined.map(({ pending, script }) => ({ pending, units: [...unitsOf(script)] }))
  // With event triggers even DDL runs code that is in the database.
  const isDirty = (i: number) => i > 0 && (hasEventTriggers || runsCode(joined[i - 1]!.script))
  const parts = [
    { sql: `prepare ${prepared} as ${lookSql()}`, count: 1 },
    clock,
    ...members.flatMap(({ pending, units }, i) => [
      begin(rehearsing, pending, isDirty(i)),
      ...units.flatMap(withLook),
      ...end,
    ]),
    { sql: `deallocate ${prepared}`, count: 1 },
  ]
  let answers: readonly (string | null)[]
  try {
    answers = await sendParts(session, parts)
  } catch (error) {
    if (!(error instanceof PartError)) throw error
    await rollBack(session)
    await session.query(`deallocate ${prepared}`).catch(() => {})
    answers = error.at.answers
  }
  const rehearsed: RehearsedMigration[] = []
  let at = 1
  if (answers[at] == null) return []
  let last = readLook(answers[at]!)
  watcher.observe(last, 'itself')
  for (const { pending, units } of members) {
    const over = at + 1 + 2 * units.length + 2
    const answer = answers[over]
    if (answer == null) break
    const transaction = rehearsing.nextTransaction()
    watcher.begin()
    const statements: RehearsedStatement[] = []
    for (const [n, unit] of units.entries()) {
      const look = readLook(answers[at + 1 + 2 * (n + 1)]!)
      const times = { from: last.to, to: look.from, transaction }
      statements.push(rehearsedStatement(rehearsing, unit, times, watcher.observe(look, 'itself')))
      last = look
    }
    const after = readLook(answer)
    const { kind, one } = pending
    rehearsed.push({
      kind,
      name: one.name,
      file: one.file,
      how: 'transaction',
      statements,
      commitMs: after.from - last.to,
    })
    last = after
    at = over
  }
  return rehearsed
}

/** What an earlier one may have set is reset, as up does. */
function begin({ on }: Rehearsing, { one }: PendingMigration, isDirty: boolean): Part {
  const reset = isDirty ? [...forFile(on.session, on.settings), 'set synchronous_commit = off'] : []
  const name = on.session.client.escapeLiteral(nameSession(on.settings.applicationName, one.name))
  const statements = ['begin', ...reset, `set local application_name = ${name}`]
  return { sql: statements.join('; '), count: statements.length }
}

function withLook({ sql }: Unit): Part[] {
  return [
    { sql, count: 1 },
    { sql: `execute ${prepared}`, count: 1 },
  ]
}

const end: readonly Part[] = [
  { sql: 'commit', count: 1 },
  { sql: clockSql(), count: 1 },
]
