import { Failure, type FailureFacts, type Place } from '../../errors.ts'
import type { Assertion } from '../../migration.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { toOwnEncoding } from '../../postgres/prepare.ts'
import { ScriptError, type ScriptRow, runScript } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import { offsetOfCodePoint, placeAt } from '../../sql/position.ts'
import { lostConnection } from './failures.ts'
import { describeSqlError } from './sql-error.ts'
import type { Step, StepContext } from './step.ts'

/** How an assertion does not hold: what the server said of it, or what it has answered. */
export interface Broken {
  readonly facts: FailureFacts
  /** The server's error; undefined for an answer. */
  readonly error?: unknown
}

/** What the text was compiled for, whatever the migration has set. */
export const asCompiled = `${toOwnEncoding}; set standard_conforming_strings = on`

/**
 * Asks a step's assertion inside its transaction, with the role, the search_path and all else that the step has set, and
 * leaves nothing of what it has done; null when it holds. Throws LOST.
 */
export async function assertInTransaction({ session }: StepContext, step: Step): Promise<Broken | null> {
  const { assertion, name } = step
  if (!assertion) return null
  try {
    await runScript(session, `savepoint upfront_assertion; ${asCompiled}`)
    const broken = await ask(session, assertion)
    await runScript(session, 'rollback to savepoint upfront_assertion; release savepoint upfront_assertion')
    return broken
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    const cause = error.error
    if (isConnectionLost(cause)) throw lostConnection(name, cause)
    return { facts: describeSqlError(cause), error: cause }
  }
}

const mend = 'Mend the migration, or the assertion when it asks for the wrong thing, and start again.'

/** FAILED, for a transaction that is rolled back. */
export function brokenAssertion({ name }: Step, { facts, error }: Broken): Failure {
  const what = `migration ${name} was rolled back, because its assertion does not hold; nothing of it remains`
  return new Failure('FAILED', what, facts, error)
}

/** Runs an assertion to its end, or to its first error; null when it holds. Throws when the connection is lost. */
export async function ask(session: Session, { file, script }: Assertion): Promise<Broken | null> {
  const text = script.read()
  const place = (statement: number) => placeAt(file, text, script.statements[statement]?.start ?? 0)
  let broken: (ScriptRow & { readonly row: number }) | undefined
  let rows = { statement: 0, count: 0 }
  const onRow = (row: ScriptRow) => {
    const { statement } = row
    rows = { statement, count: statement === rows.statement ? rows.count + 1 : 1 }
    if (!broken && columnOf(row) !== undefined) broken = { ...row, row: rows.count }
  }
  try {
    await runScript(session, text, () => {}, onRow)
  } catch (error) {
    if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
    const { statement } = error
    if (!broken || broken.statement >= statement) {
      const at = placeOfError(error.error, file, text) ?? place(statement)
      return { facts: { ...describeSqlError(error.error, mend), place: at }, error: error.error }
    }
  }
  return broken ? { facts: { ...tell(broken), place: place(broken.statement) } } : null
}

const boolean = 16

/** The first column of a row that is a boolean and not true. */
function columnOf({ columns, values }: ScriptRow): number | undefined {
  const found = columns.findIndex(({ dataTypeID }, i) => dataTypeID === boolean && values[i] !== 't')
  return found === -1 ? undefined : found
}

function tell(answer: ScriptRow & { readonly row: number }): FailureFacts {
  const { columns, values, statement, row } = answer
  const found = columnOf(answer)!
  const { name } = columns[found]!
  const column = name === '?column?' ? '' : ` in its column ${name}`
  const said = values[found] === null ? 'null' : 'false'
  const shown = columns.map(({ name: one }, i) => `${one} = ${shorten(values[i] ?? 'null')}`)
  return {
    reason: `its statement ${statement + 1} answered ${said}${column}${row === 1 ? '' : `, in its row ${row}`}`,
    detail: shown.join(', '),
    next: mend,
  }
}

const longestValue = 100

function shorten(value: string): string {
  return value.length > longestValue ? `${value.slice(0, longestValue)}…` : value
}

function placeOfError(error: unknown, file: string, text: string): Place | undefined {
  const { position } = error as { position?: string }
  return position === undefined ? undefined : placeAt(file, text, offsetOfCodePoint(text, Number(position) - 1))
}
