import type { ClientBase } from 'pg'

/** pg's connection, as whoever submits something to it may use it. */
interface Connection {
  readonly stream: object
  sendCopyFail(reason: string): void
  sync(): void
}

/** A connection for queries that are not ours, and what ends it. */
export interface GuardedConnection {
  readonly connection: Connection
  /** To be called when a query begins; answers its connection. */
  begin(): Connection
  /** To be called when a query threw as it was to be sent: whether the server answers what it had sent by then. */
  threw(): boolean
  /** Hears what the server sends to the query. */
  saw(handler: string): void
  /** What a query gets in place of this. */
  instead(thing: unknown): unknown
  /** Nothing more is sent; to be called when nothing is in flight. */
  shut(): void
  /** Nothing more is sent by the query in flight, but what lets the server answer it. */
  close(): void
}

const quiet = new Set<string | symbol>(['query', 'parse', 'bind', 'execute', 'describe', 'flush', 'sync', 'close', 'sendCopyFromChunk', 'endCopyFrom', 'sendCopyFail', 'end', '_send', 'write', 'cork', 'uncork', 'destroy']) // prettier-ignore
const opens = new Set<string | symbol>(['parse', 'bind', 'execute', 'describe', 'close', 'flush'])
const holds = new Set<string | symbol>(['cork', 'uncork'])

/**
 * Lets a query use the connection until it is closed, and notes what the server waits for then: data of a COPY, or a
 * Sync that a cursor sends with its last rows.
 */
export function guardConnection(client: ClientBase): GuardedConnection {
  const { connection } = client as unknown as { connection: Connection }
  const state = { closed: false, copying: false, extended: false, unsynced: false, sent: false }
  const shield = (target: object, instead: (property: string | symbol) => unknown): object =>
    new Proxy(target, {
      get: (_, property) => {
        const other = instead(property)
        if (other !== undefined) return other
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (quiet.has(property) && state.closed) return true
          if (quiet.has(property) && !holds.has(property)) state.sent = true
          if (opens.has(property)) state.extended = state.unsynced = true
          if (property === 'sync') state.unsynced = false
          return (value as (...all: unknown[]) => unknown).apply(target, args)
        }
      },
    })
  const stream = shield(connection.stream, () => undefined)
  const shielded = shield(connection, (property) => (property === 'stream' ? stream : undefined)) as Connection
  const release = () => {
    if (state.copying) connection.sendCopyFail('the module has ended')
    // A server that expects data ignores a Sync, so one that was sent then does not count.
    if (state.unsynced || (state.copying && state.extended)) connection.sync()
    Object.assign(state, { copying: false, unsynced: false })
  }
  return {
    connection: shielded,
    begin: () => {
      Object.assign(state, { copying: false, extended: false, unsynced: false, sent: false })
      return shielded
    },
    threw: () => {
      if (state.unsynced) release()
      return state.sent
    },
    saw: (handler) => {
      if (handler === 'handleCopyInResponse') state.copying = true
      if (handler === 'handleCommandComplete') state.copying = false
      if (state.closed) release()
    },
    instead: (thing) => (thing === connection ? shielded : thing),
    shut: () => void (state.closed = true),
    close: () => {
      state.closed = true
      release()
    },
  }
}
