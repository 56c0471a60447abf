// Somebody in the middle: ends the client's TLS with a certificate of its own and speaks TLS with the server himself.
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import type { Certificate } from './certificate.ts'

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

export interface TlsProxy {
  readonly port: number
  /** What clients have said, after their TLS. */
  readonly heard: () => string
  [Symbol.asyncDispose](): Promise<void>
}

/** Stands in front of a server with TLS; `answer` speaks instead of the server when it is given. */
export async function startTlsProxy(
  serverPort: number,
  { cert, key }: Certificate,
  answer?: (client: tls.TLSSocket, said: Buffer) => void,
): Promise<TlsProxy> {
  const sockets = new Set<net.Socket>()
  let heard = ''
  const listener = net.createServer((raw) => {
    sockets.add(raw)
    raw.on('error', () => {}).on('close', () => sockets.delete(raw))
    raw.once('data', () => {
      raw.write('S')
      const client = new tls.TLSSocket(raw, { isServer: true, cert, key })
      client.on('error', () => raw.destroy())
      if (answer !== undefined) {
        client.on('data', (said: Buffer) => {
          heard += said.toString('latin1')
          answer(client, said)
        })
        return
      }
      const plain = net.connect(serverPort, '127.0.0.1')
      plain.on('error', () => raw.destroy()).write(sslRequest)
      plain.once('data', () => {
        const server = tls.connect({ socket: plain, rejectUnauthorized: false })
        server.on('error', () => raw.destroy())
        client.on('data', (said: Buffer) => (heard += said.toString('latin1')))
        client.pipe(server).pipe(client)
      })
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    port: (listener.address() as AddressInfo).port,
    heard: () => heard,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
