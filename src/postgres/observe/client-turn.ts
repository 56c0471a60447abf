import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'

const copyDone = 0x63
const copyFail = 0x66

/**
 * Tells whether it is the client's turn within a query: to send the rows of a COPY, or to let a cursor go on. The
 * server waits for that in silence, for as long as the client takes.
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

/** Whether this is a CopyDone or a CopyFail; rows that begin like one have another length than they state. */
function endsCopy(chunk: unknown): boolean {
  if (!Buffer.isBuffer(chunk) || chunk.length < 5) return false
  const isEnd = chunk[0] === copyDone || chunk[0] === copyFail
  return isEnd && chunk.readInt32BE(1) === chunk.length - 1
}
