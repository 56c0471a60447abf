import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import type { HostPort, Target, TlsSettings } from '../config/database/target.ts'
import { catchParserErrors, isUnbindable, makeLogin } from './connect/login.ts'
import { type Encryption, openSocket } from './connect/socket.ts'
import { watchClientTurn } from './observe/client-turn.ts'
import { NoAnswer, type Silent, measureSilence } from './observe/silence.ts'

/** One connection to one server; closed by whoever opened it. */
export interface Session {
  readonly client: pg.Client
  readonly at: HostPort
  readonly encryption: Encryption
  /** The role that it acts as: the one to be set, or the user. */
  readonly role: string
  /** The server process this connection said it is; a pooler says something else than pg_backend_pid(). */
  readonly backendPid: number
  /** As in server_version_num: 180004. */
  readonly serverVersion: number
  /** As Postgres says it: `18.4`. */
  readonly serverVersionText: string
  /** All rows of one statement; with parameters it goes through the extended protocol. */
  query<Row extends object>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /** Asks the server, on a new socket, to cancel what this session runs; resolves when the server has heard it. */
  cancel(): Promise<void>
  /** How long nothing has been heard while an answer was awaited. */
  silentMs(): number
  /** Says goodbye; never throws. With a reason it hangs up at once, and whatever waits for an answer fails with it. */
  close(reason?: string | Silent): void
}

/** Where a session is opened, how it is encrypted, and under which name. */
export interface SessionOptions {
  readonly at: HostPort
  readonly encryption: Encryption
  readonly applicationName: string
}

/** Opens a session, or rejects with what pg, the socket or Postgres said; `signal` bounds the attempt. */
export async function openSession(target: Target, options: SessionOptions, signal: AbortSignal): Promise<Session> {
  const { at, encryption, applicationName } = options
  // Credentials may have been renewed while we waited, or during a long run.
  const { user, password, tls } = (await target.renew?.(at)) ?? target
  const socket = await openSocket(at, tls, encryption, signal)
  const login = makeLogin({ ...target, password }, socket)
  const client = new pg.Client({
    ...(target.options === undefined ? {} : { options: target.options }),
    host: at.host,
    port: at.port,
    user,
    database: target.database,
    // A function, because pg would look for PGPASSWORD and ~/.pgpass behind our back.
    password: login.password,
    ...login.options,
    application_name: applicationName,
    ssl: false,
    stream: () => alreadyConnected(socket),
  })
  const server = { version: '' }
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
  connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
    if (message.parameterName === 'server_version') server.version = message.parameterValue
  })
  rememberEnd(client)
  login.watch(client)
  const onAbort = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const connected = client.connect()
    const over = catchParserErrors(client, socket)
    await connected
    over()
  } catch (error) {
    socket.destroy()
    if (signal.aborted) throw heardOf(socket, signal.reason)
    if (!isUnbindable(error) || target.channelBinding !== 'prefer') throw error
    return openSession({ ...target, channelBinding: 'disable' }, options, signal)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  keepAlive(socket)
  const isClientTurn = watchClientTurn(connection, socket)
  const met = (socket as Socket).remoteAddress
  const key = client as unknown as { processID: number; secretKey: number }
  return {
    client,
    at: met === undefined ? at : { ...at, met },
    encryption,
    role: target.role ?? user,
    backendPid: key.processID,
    serverVersion: versionNumber(server.version),
    serverVersionText: server.version.split(' ')[0] ?? '',
    query: async <Row extends object>(sql: string, params?: readonly unknown[]) =>
      (await (params ? client.query<Row>(sql, [...params]) : client.query<Row>(sql))).rows,
    // Sent to the address that was connected, as libpq does, because a name may stand for several servers.
    cancel: () => sendCancel(met === undefined ? at : { ...at, address: met }, tls, encryption, key),
    silentMs: measureSilence(socket, () => !isIdle(client) && !isClientTurn()),
    close: (reason) => {
      if (reason === undefined) return closeClient(client, socket)
      socket.destroy(typeof reason === 'string' ? new Error(`Connection terminated: ${reason}`) : reason)
    },
  }
}

/** Whether nothing that was asked waits for its answer. */
function isIdle(client: pg.Client): boolean {
  return (client as unknown as { readonly readyForQuery: boolean }).readyForQuery
}

/** Adds to the reason of whoever gave up waiting whether anything was answered at all. */
function heardOf(socket: Duplex, reason: unknown): unknown {
  return reason instanceof NoAnswer ? new NoAnswer((socket as Socket).bytesRead > 0) : reason
}

/**
 * Answers the next query with the error that ended the session before it, where pg would only say that no query is
 * possible. Without a listener that error would end the process.
 */
function rememberEnd(client: pg.Client): void {
  let end: Error | undefined
  client.on('error', (error) => (end ??= error))
  const query = client.query.bind(client) as (...args: unknown[]) => unknown
  const answer = (...args: unknown[]): unknown => {
    if (end === undefined || typeof args.at(-1) === 'function') return query(...args)
    const [first] = args as [{ submit?: unknown; handleError(error: unknown): void }]
    if (typeof first.submit !== 'function') return Promise.reject(end)
    queueMicrotask(() => first.handleError(end))
    return first
  }
  client.query = answer as typeof client.query
}

/** 18.4 -> 180004, 9.6.24 -> 90624; 0 for what is no version. */
function versionNumber(text: string): number {
  const [major = 0, minor = 0, patch = 0] = (/^[\d.]+/.exec(text)?.[0] ?? '').split('.').map(Number)
  return major >= 10 ? major * 10_000 + minor : major * 10_000 + minor * 100 + patch
}

/** Makes pg, which wants to connect the stream itself, go on with one that is connected. */
function alreadyConnected(socket: Duplex): Duplex {
  const stream = socket as Duplex & { connect: () => void; setNoDelay?: () => void }
  stream.connect = () => queueMicrotask(() => stream.emit('connect'))
  return stream
}

/** Our own side notices a silent network too. */
function keepAlive(socket: Duplex): void {
  const stream = socket as Duplex & { setKeepAlive?: (on: boolean, delayMs: number) => void }
  stream.setKeepAlive?.(true, 10_000)
}

const cancelTimeoutMs = 2_000

/** What the server gave us to cancel with. */
interface BackendKey {
  readonly processID: number
  readonly secretKey: number
}

async function sendCancel(at: HostPort, tls: TlsSettings, encryption: Encryption, key: BackendKey) {
  const signal = AbortSignal.timeout(cancelTimeoutMs)
  const socket = await openSocket(at, tls, encryption, signal)
  const request = Buffer.alloc(16)
  request.writeInt32BE(16, 0)
  request.writeInt32BE(80877102, 4)
  request.writeInt32BE(key.processID, 8)
  request.writeInt32BE(key.secretKey, 12)
  await new Promise<void>((resolve) => {
    // The server closes when it has sent the signal on.
    socket.on('close', resolve).on('error', () => resolve())
    socket.resume()
    signal.addEventListener('abort', () => resolve(), { once: true })
    socket.write(request)
  })
  socket.destroy()
}

const goodbyeTimeoutMs = 500

/** The goodbye is written at once; nobody needs to wait until the server has closed its side. */
function closeClient(client: pg.Client, socket: Duplex): void {
  const late = setTimeout(() => socket.destroy(), goodbyeTimeoutMs).unref()
  client.end().then(
    () => clearTimeout(late),
    () => socket.destroy(),
  )
}
