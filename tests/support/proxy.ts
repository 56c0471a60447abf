// A proxy that understands just enough of Postgres' protocol to count messages and to lose them.
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

/** One message of the client, as it passes. */
export interface Message {
  /** Which connection of the proxy, from 1. */
  readonly connection: number
  /** The number of the message over all connections, from 1. */
  readonly number: number
  /** The number of the message within its connection, from 1. */
  readonly place: number
  /** The protocol's letter, or what stands before the letters: `ssl`, `startup`, `cancel`. */
  readonly type: string
  /** Of a query. */
  readonly text: string
}

/**
 * What becomes of a message. The connection dies before it arrives (`drop request`) or before its answer does (`drop
 * reply`), is torn down on both sides as it passes (`reset`), or goes silent before it or after it, still open.
 */
export type Fate = 'forward' | 'drop request' | 'drop reply' | 'reset' | 'stall' | 'stall reply'

/** Sees every message of a client before the server does; while it makes up its mind the message waits. */
export type Judge = (message: Message) => Fate | Promise<Fate>

export interface Proxy {
  readonly port: number
  readonly messages: readonly Message[]
  readonly connections: () => number
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Stands in front of a server, or of several: each connection, from 1, goes to the port that is answered for it. */
export async function startProxy(
  serverPort: number | ((connection: number) => number),
  judge: Judge = () => 'forward',
): Promise<Proxy> {
  const messages: Message[] = []
  const sockets = new Set<net.Socket>()
  let connections = 0
  const listener = net.createServer((client) => {
    const connection = (connections += 1)
    const port = typeof serverPort === 'number' ? serverPort : serverPort(connection)
    const server = net.connect(port, '127.0.0.1')
    let silent = false
    let mute = false
    let place = 0
    const end = () => (client.destroy(), server.destroy())
    const reset = () => (client.resetAndDestroy(), server.resetAndDestroy())
    for (const socket of [client, server]) {
      sockets.add(socket)
      socket.on('error', end).on('close', () => (sockets.delete(socket), end()))
    }
    const pass = (fate: Fate, bytes: Buffer) => {
      if (silent || client.destroyed) return
      if (fate === 'drop request') return end()
      if (fate === 'stall') return void (silent = true)
      if (fate === 'drop reply') mute = true
      server.write(bytes)
      if (fate === 'stall reply') silent = true
      if (fate === 'reset') reset()
    }
    /** Set while a message waits for its fate, and others behind it. */
    let queue: Promise<void> | undefined
    const next = makeReader((type, bytes) => {
      if (silent || client.destroyed) return
      const text = type === 'Q' ? bytes.toString('utf8', 5, bytes.length - 1) : ''
      const message = { connection, number: messages.length + 1, place: (place += 1), type, text }
      messages.push(message)
      const fate = queue === undefined ? judge(message) : queue.then(() => judge(message))
      if (typeof fate === 'string') return pass(fate, bytes)
      const turn = fate.then((later) => {
        pass(later, bytes)
        if (queue === turn) queue = undefined
      })
      queue = turn
    })
    client.on('data', next)
    server.on('data', (bytes) => {
      if (mute) return end()
      if (!silent) client.write(bytes)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    if (listener.listening) await new Promise((resolve) => listener.close(resolve))
  }
  return {
    port: (listener.address() as AddressInfo).port,
    messages,
    connections: () => connections,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const untyped: Readonly<Record<number, string>> = { 80877103: 'ssl', 80877102: 'cancel', 196608: 'startup' }

/** Cuts a client's bytes into messages. */
function makeReader(take: (type: string, bytes: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  let started = false
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const letter = started ? 1 : 0
      if (rest.length < letter + 4) return
      const length = letter + rest.readInt32BE(letter)
      if (rest.length < length) return
      const bytes = rest.subarray(0, length)
      rest = rest.subarray(length)
      const type = started ? String.fromCharCode(bytes[0]!) : (untyped[bytes.readInt32BE(4)] ?? 'unknown')
      started ||= type === 'startup'
      take(type, bytes)
    }
  }
}

/** A port that accepts connections and does with them what `answer` says; by default nothing, for ever. */
export async function startListener(answer: (socket: net.Socket) => void = () => {}) {
  const sockets = new Set<net.Socket>()
  const listener = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    accepted += 1
    answer(socket)
  })
  let accepted = 0
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => listener.close(resolve))
  }
  return {
    port: (listener.address() as AddressInfo).port,
    accepted: () => accepted,
    [Symbol.asyncDispose]: close,
  }
}
