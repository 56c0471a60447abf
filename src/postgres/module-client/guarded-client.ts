import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import pg, { type ClientBase } from 'pg'
import type { Session } from '../session.ts'
import { guardConnection } from './guarded-connection.ts'

/** A session's client for code that is not ours, and what only its owner may do with it. */
export interface GuardedClient {
  readonly client: ClientBase
  /** Whether a query of it has not been answered yet. */
  isBusy(): boolean
  /** The error of its oldest unanswered query: it says where that was asked. */
  unanswered(): Error | undefined
  /** The first error that Postgres or the socket answered. */
  firstError(): unknown
  /** Whether something thrown is such an answer, and not some other connection's. */
  isAnswer(thrown: unknown): boolean
  /**
   * Ends it: what is queued is never sent, what is asked later rejects, and so does whatever holds the connection.
   * Resolves when the server has answered what was in flight.
   */
  close(): Promise<void>
}

/** What can be submitted to pg, whoever wrote it: its own Query, a cursor, a COPY stream. */
interface Submittable {
  callback?: (error: Error | null, result?: unknown) => void
  _result?: { _types?: unknown }
  readonly name?: string
  readonly text?: string
  submit(connection: object): unknown
  handleError(error: unknown, connection: object): void
}

interface Entry {
  readonly query: Submittable
  /** Made where it was asked, for its stack. */
  readonly asked: Error
  /** The async context it was asked in, so that errors of its callbacks belong to whoever asked. */
  readonly context: AsyncResource
  readonly result: unknown
}

const handled = ['handleRowDescription', 'handleDataRow', 'handlePortalSuspended', 'handleEmptyQuery', 'handleCommandComplete', 'handleCopyInResponse', 'handleCopyData'] as const // prettier-ignore

/** Slow enough that a loop which swallows its errors leaves the processor to others. */
const refusalMs = 20

/**
 * The client that code which is not ours gets in place of the session's: no more than it needs, with a queue of its own,
 * so that closing it leaves nothing behind that could still be sent. `onUncaught` gets what its callbacks throw.
 */
export function guardClient(session: Session, onUncaught: (error: unknown) => void): GuardedClient {
  const { client } = session
  const queue: Entry[] = []
  const types = makeTypes(client)
  const guard = guardConnection(client)
  const events = new EventEmitter()
  const listening = new AsyncResource('events')
  let inFlight: Entry | undefined
  let closed = false
  let first: unknown
  const answers = new WeakSet<object>()
  const idle = Promise.withResolvers<void>()

  const safely = (context: AsyncResource, call: () => void) => {
    try {
      context.runInAsyncScope(call)
    } catch (error) {
      onUncaught(error)
    }
  }
  const pump = () => {
    if (inFlight !== undefined) return
    inFlight = queue.shift()
    if (inFlight === undefined) return void (closed && idle.resolve())
    client.query(wrap(inFlight) as never)
  }
  const wrap = (entry: Entry) => {
    const { query, asked, context } = entry
    const answered = (tell: () => void) => {
      if (inFlight === entry) inFlight = undefined
      safely(context, tell)
      pump()
    }
    let thrown: Error | undefined
    const relays = handled.map((name) => {
      const relay = (...args: unknown[]) => {
        guard.saw(name)
        if (thrown) return
        const handle = (query as unknown as Record<string, ((...all: unknown[]) => void) | undefined>)[name]
        if (handle) safely(context, () => handle.apply(query, args.map(guard.instead)))
        else if (name === 'handleCopyInResponse') guard.connection.sendCopyFail('nothing sends data here')
      }
      return [name, relay] as const
    })
    return {
      ...Object.fromEntries(relays),
      name: query.name,
      text: query.text,
      submit: () => {
        if (closed) return gone()
        try {
          return query.submit(guard.begin())
        } catch (error) {
          // Thrown from here it would end the process and leave a query without an answer.
          thrown = error instanceof Error ? error : new Error(String(error))
          return guard.threw() ? null : thrown
        }
      },
      handleError: (error: Error) => {
        if (!closed) first ??= error
        if (error !== thrown) answers.add(error)
        // Its own stack ends in the driver; the caller's is the one that helps.
        error.stack = asked.stack?.replace(/^.*/, () => String(error)) ?? ''
        answered(() => query.handleError(error, guard.connection))
      },
      handleReadyForQuery: () =>
        answered(() => {
          if (thrown) query.handleError(thrown, guard.connection)
          else (query as { handleReadyForQuery?(on: object): void }).handleReadyForQuery?.(guard.connection)
        }),
    }
  }
  const refuse = ({ query, context, result }: Entry) => {
    // Whoever does not wait for the result must not get an unhandled rejection.
    if (result instanceof Promise) result.catch(() => {})
    setTimeout(() => safely(context, () => query.handleError(gone(), guard.connection)), refusalMs).unref()
  }

  const ask = (config: unknown, values?: unknown, callback?: unknown): unknown => {
    const { query, result } = makeQuery(config, values, callback)
    if (query._result && !query._result._types) query._result._types = types
    const entry = { query, asked: new Error('asked here'), context: new AsyncResource('query'), result }
    if (closed) refuse(entry)
    else {
      queue.push(entry)
      pump()
    }
    return result
  }
  const forward = (event: string) => (message: unknown) => safely(listening, () => void events.emit(event, message))
  const forwarded = (['notice', 'notification'] as const).map((event) => [event, forward(event)] as const)
  for (const [event, listener] of forwarded) client.on(event as 'notice', listener)

  const harmless = async () => {}
  const own = {
    query: ask,
    connect: harmless,
    end: harmless,
    release: () => {},
    escapeIdentifier: (text: string) => client.escapeIdentifier(text),
    escapeLiteral: (text: string) => client.escapeLiteral(text),
    getTransactionStatus: () => client.getTransactionStatus(),
    ...types,
    processID: session.backendPid,
    user: client.user,
    database: client.database,
    host: client.host,
    port: client.port,
  }
  return {
    client: Object.assign(events, own) as unknown as ClientBase,
    isBusy: () => inFlight !== undefined,
    unanswered: () => inFlight?.asked,
    firstError: () => first,
    isAnswer: (thrown) => typeof thrown === 'object' && thrown !== null && answers.has(thrown),
    close: () => {
      if (closed) return idle.promise
      closed = true
      for (const [event, listener] of forwarded) client.off(event as 'notice', listener)
      for (const entry of queue.splice(0)) refuse(entry)
      if (inFlight === undefined) {
        guard.shut()
        idle.resolve()
      } else guard.close()
      return idle.promise
    },
  }
}

function gone(): Error {
  return new Error('the client of this module is closed: its function has ended, or was stopped')
}

/** As pg takes them: a text or a description with values and perhaps a callback, or something that submits itself. */
function makeQuery(config: unknown, values: unknown, callback: unknown): { query: Submittable; result: unknown } {
  if (config === null || config === undefined) throw new TypeError('Client was passed a null or undefined query')
  const last = typeof values === 'function' ? values : callback
  if (typeof (config as Submittable).submit === 'function') {
    const query = config as Submittable
    if (!query.callback && typeof last === 'function') query.callback = last as never
    return { query, result: query }
  }
  const query = new pg.Query(config as never, values as never) as unknown as Submittable
  if (last !== undefined) query.callback = last as never
  const readMs = (config as { query_timeout?: number }).query_timeout
  if (query.callback) {
    if (typeof query.callback !== 'function') throw new TypeError('callback is not a function')
    giveUpAfter(readMs, query)
    return { query, result: undefined }
  }
  const result = new Promise((resolve, reject) => {
    query.callback = (error, answer) => (error ? reject(error) : resolve(answer))
  })
  giveUpAfter(readMs, query)
  return { query, result }
}

/** pg's query_timeout: the caller stops waiting, while the query itself goes on. */
function giveUpAfter(readMs: number | undefined, query: Submittable): void {
  const { callback } = query
  if (!readMs || !callback) return
  const timer = setTimeout(() => {
    query.callback = () => {}
    callback(new Error('Query read timeout'))
  }, readMs)
  query.callback = (error, result) => {
    clearTimeout(timer)
    callback(error, result)
  }
}

/** Type parsers that the code sets hold for the code alone, because those of the session read our tables. */
function makeTypes(client: ClientBase) {
  const parsers = new Map<string, unknown>()
  return {
    setTypeParser: (oid: number, format: unknown, parse?: unknown) =>
      void parsers.set(`${oid} ${parse ? String(format) : 'text'}`, parse ?? format),
    getTypeParser: (oid: number, format: 'text' | 'binary' = 'text') =>
      parsers.get(`${oid} ${format}`) ?? client.getTypeParser(oid, format as 'text'),
  }
}
