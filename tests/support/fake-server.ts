// Speaks the beginning of Postgres' protocol, to ask or say what no real server here can be made to.
import { startListener } from './proxy.ts'

/** A message of the server: its letter, and numbers of 32 bits and texts as they follow each other. */
export function message(type: string, ...body: readonly (number | string)[]): Buffer {
  const bytes = Buffer.concat(
    body.map((part) => {
      if (typeof part === 'string') return Buffer.from(part, 'latin1')
      const number = Buffer.alloc(4)
      number.writeInt32BE(part)
      return number
    }),
  )
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(bytes.length + 4, 1)
  return Buffer.concat([head, bytes])
}

/** An ErrorResponse that ends a connection. */
export function fatal(sqlstate: string, text: string): Buffer {
  return message('E', `SFATAL\0VFATAL\0C${sqlstate}\0M${text}\0\0`)
}

/** A server without TLS that answers every startup message with this. */
export function startFakeServer(answer: Buffer) {
  return startListener((socket) => {
    socket.on('data', (said) => {
      const isSslRequest = said.length === 8 && said.readInt32BE(4) === 80877103
      socket.write(isSslRequest ? 'N' : answer)
    })
  })
}
