import { isConnectionLost, noteSurvived } from './classify.ts'
import type { Session } from './session.ts'

/** A message of several statements that stopped: which one failed (from 0), and what Postgres or the socket said. */
export class ScriptError extends Error {
  readonly statement: number
  readonly error: unknown

  constructor(statement: number, error: unknown) {
    super((error as Error).message, { cause: error })
    this.name = 'ScriptError'
    this.statement = statement
    this.error = error
  }
}

/** What a script answered: one command tag for each completed statement; rows are thrown away as they come. */
export interface ScriptResult {
  readonly tags: readonly string[]
}

/** A row that a statement (from 0) has answered, as text, and its columns. */
export interface ScriptRow {
  readonly statement: number
  readonly columns: readonly { readonly name: string; readonly dataTypeID: number }[]
  readonly values: readonly (string | null)[]
}

/**
 * Sends text as one message of the simple protocol and counts what completes, because run-time errors of Postgres
 * carry no position; `onComplete` hears how many have, and the last row of the newest, `onRow` every row. Rejects with a
 * ScriptError.
 */
export function runScript(
  session: Session,
  text: string,
  onComplete: (done: number, row: readonly (string | null)[]) => void = () => {},
  onRow: (row: ScriptRow) => void = () => {},
): Promise<ScriptResult> {
  return new Promise((resolve, reject) => {
    const tags: string[] = []
    let row: readonly (string | null)[] = []
    let columns: ScriptRow['columns'] = []
    session.client.query({
      submit: (connection: { query(text: string): void }) => connection.query(text),
      handleRowDescription: ({ fields }: { fields: ScriptRow['columns'] }) => (columns = fields),
      handleDataRow: ({ fields }: { fields: readonly (string | null)[] }) => {
        row = fields
        onRow({ statement: tags.length, columns, values: fields })
      },
      handlePortalSuspended() {},
      handleParseComplete() {},
      handleCopyData() {},
      handleEmptyQuery() {},
      handleCommandComplete: (message: { text: string }) => onComplete(tags.push(message.text), row),
      handleCopyInResponse: (connection: { sendCopyFail(reason: string): void }) =>
        connection.sendCopyFail('COPY ... FROM stdin has no data here'),
      handleError: (error: unknown) => {
        const done = tags.length
        void noteIfSurvived(session, error).then(() => reject(new ScriptError(done, error)))
      },
      handleReadyForQuery: () => resolve({ tags }),
    } as never)
  })
}

/**
 * Asks the session whether it goes on after an error that looks like a lost connection: a server passes on errors of
 * the servers behind a foreign table or a subscription with the same codes.
 */
export async function noteIfSurvived(session: Session, error: unknown): Promise<void> {
  const isOfServer = (error as { severity?: string }).severity !== undefined
  if (!isOfServer || !isConnectionLost(error)) return
  try {
    await session.query('select')
    noteSurvived(error)
  } catch (answer) {
    // In a broken transaction that is the answer.
    if ((answer as { code?: string }).code === '25P02') noteSurvived(error)
  }
}

/** Leaves no transaction open; a session that is gone has none. */
export async function rollBack(session: Session): Promise<void> {
  await session.query('rollback').catch(() => {})
}
