import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'

const copyDone = 0x63
const copyFail = 0x66

/**
 * Tells whether it is our turn to say something although a query is not over: the rows of a COPY, or that a cursor is to
 * go on. The server waits for that in silence, for as long as whoever feeds it takes.
 */
export function watchClientTurn(connection: EventEmitter, socket: Duplex): () => boolean {
  let turn: 'copy' | 'portal' | undefined
  const over = () => (turn = undefined)
  connection
    .on('copyInResponse', () => (turn = 'copy'))
    .on('portalSuspended', () => (turn = 'portal'))
    .on('errorMessage', over)
    .on('readyForQuery', over)
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  socket.write = ((...args: unknown[]) => {
    if (turn === 'portal' || (turn === 'copy' && endsCopy(args[0]))) over()
    return write(...args)
  }) as typeof socket.write
  return () => turn !== undefined
}

/** Rows that look like such a message are of another length than they say. */
function endsCopy(chunk: unknown): boolean {
  if (!Buffer.isBuffer(chunk) || chunk.length < 5) return false
  const isEnd = chunk[0] === copyDone || chunk[0] === copyFail
  return isEnd && chunk.readInt32BE(1) === chunk.length - 1
}
