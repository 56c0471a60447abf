import type { EventEmitter } from 'node:events'
import { ScriptError, noteIfSurvived } from './script.ts'
import type { Session } from './session.ts'

/** One message of a long script; its last statement may be a COPY ... FROM stdin, whose data follows. */
export interface Message {
  readonly sql: string
  readonly data?: Iterable<Buffer>
}

/** Which message of a script failed (from 0), and there which statement. */
export class PipelineError extends ScriptError {
  readonly chunk: number

  constructor(message: number, statement: number, error: unknown) {
    super(statement, error)
    this.chunk = message
  }
}

interface Connection extends EventEmitter {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(reason: string): void
  readonly stream: NodeJS.WritableStream & { readonly writableNeedDrain?: boolean }
}

const inFlight = 4
const borrowed = ['readyForQuery', 'errorMessage', 'commandComplete', 'copyInResponse', 'copyData', 'rowDescription', 'dataRow', 'emptyQuery'] // prettier-ignore

/**
 * Sends a long script message by message, four of them in flight once the first has been answered, so that neither side
 * holds much of it; rejects with a PipelineError for the first that fails, after the server has answered what was sent, and
 * nothing more of it is sent then. The first begins the transaction: had it failed as a whole, what came behind it would
 * commit. Takes the connection's events from pg for that long: its own pipeline mode is not for messages of several
 * statements.
 */
export function runPipeline(session: Session, messages: Iterable<Message>): Promise<void> {
  return new Promise((resolve, reject) => {
    const iterator = messages[Symbol.iterator]()
    const sent: Message[] = []
    const state = { answered: 0, statements: 0, ended: false, failure: undefined as PipelineError | undefined }
    let giveBack = () => {}
    const over = new AbortController()
    const fail = (failure: PipelineError) => {
      state.failure ??= failure
      // What is left of a COPY's data must not get into the next one.
      over.abort()
    }
    const settle = () => {
      const { failure } = state
      if (!failure) return resolve()
      void noteIfSurvived(session, failure.error).then(() => reject(failure))
    }

    const fill = (connection: Connection) => {
      const most = state.answered === 0 ? 1 : inFlight
      // What follows a COPY has to wait until its data is through.
      while (!state.ended && sent.length - state.answered < most && !sent.at(-1)?.data) {
        try {
          const next = state.failure ? { done: true as const } : iterator.next()
          if (next.done) state.ended = true
          else {
            sent.push(next.value)
            connection.query(next.value.sql)
          }
        } catch (error) {
          // The file turned out to be another than was compiled.
          state.failure ??= new PipelineError(sent.length, 0, error)
          state.ended = true
        }
      }
    }
    const listeners = (connection: Connection): Record<string, (message: never) => void> => ({
      commandComplete: () => void (state.statements += 1),
      errorMessage: (error: unknown) => fail(new PipelineError(state.answered, state.statements, error)),
      copyInResponse: () => {
        const at = [state.answered, state.statements] as const
        copy(connection, sent[state.answered]?.data, over.signal).catch((error: unknown) => {
          // The file cannot be read, or is not the one that was compiled.
          fail(new PipelineError(...at, error))
          connection.sendCopyFail('its data cannot be read')
        })
      },
      // COPY ... TO stdout: nobody reads it here.
      copyData: () => {},
      rowDescription: () => {},
      dataRow: () => {},
      emptyQuery: () => {},
      readyForQuery: (message: unknown) => {
        // What is answered is not kept: all of it together may be more than there is memory.
        sent[state.answered] = { sql: '' }
        state.answered += 1
        state.statements = 0
        fill(connection)
        if (state.answered < sent.length) return
        giveBack()
        settle()
        // pg learns that the connection is idle again, and in which state of transaction.
        connection.emit('readyForQuery', message)
      },
    })
    session.client.query({
      submit: (connection: Connection) => {
        const saved = borrowed.map((event) => [event, connection.listeners(event)] as const)
        const ours = listeners(connection)
        for (const event of borrowed)
          connection.removeAllListeners(event).on(event, ours[event] as (message: unknown) => void)
        giveBack = () => {
          for (const [event, theirs] of saved) {
            connection.removeAllListeners(event)
            for (const listener of theirs) connection.on(event, listener as () => void)
          }
        }
        fill(connection)
        if (sent.length > 0) return undefined
        giveBack()
        return state.failure ?? new Error('a script without a message')
      },
      handleError: (error: unknown) => {
        giveBack()
        fail(error instanceof PipelineError ? error : new PipelineError(state.answered, state.statements, error))
        reject(state.failure)
      },
      handleReadyForQuery: () => {},
    } as never)
  })
}

/** Streams the data as fast as the socket takes it; stops where it is when the COPY has failed. */
async function copy(connection: Connection, data: Iterable<Buffer> | undefined, over: AbortSignal): Promise<void> {
  if (!data) return connection.sendCopyFail('COPY ... FROM stdin has no data here')
  const { stream } = connection
  for (const chunk of data) {
    if (over.aborted) return
    connection.sendCopyFromChunk(chunk)
    if (stream.writableNeedDrain) await drained(stream, over)
  }
  if (!over.aborted) connection.endCopyFrom()
}

/** When the socket takes more, or nothing is to be sent any more. */
function drained(stream: NodeJS.WritableStream, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      stream.off('drain', end)
      over.removeEventListener('abort', end)
      resolve()
    }
    stream.once('drain', end)
    over.addEventListener('abort', end, { once: true })
    if (over.aborted) end()
  })
}
