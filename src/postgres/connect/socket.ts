import net from 'node:net'
import type { Duplex } from 'node:stream'
import { type HostPort, type TlsSettings, isUnixSocket, socketPath } from '../../config/database/target.ts'

/** Whether one attempt encrypts: never, when the server offers it, or always. */
export type Encryption = 'never' | 'offered' | 'always'

/** The server answered the SSLRequest with a no. */
export class NoTlsError extends Error {
  constructor() {
    super('the server does not support TLS')
    this.name = 'NoTlsError'
  }
}

/**
 * A connected stream to the server, through TLS where the server and the settings want it. Speaks the SSLRequest
 * itself because pg knows no `prefer`, and because a cancel request has to go the same way.
 * Aborting destroys the socket and rejects with the signal's reason.
 */
export async function openSocket(
  at: HostPort,
  tls: TlsSettings,
  encryption: Encryption,
  signal: AbortSignal,
): Promise<Duplex> {
  signal.throwIfAborted()
  const unix = isUnixSocket(at.host)
  const lookup = at.met === undefined ? {} : { lookup: lookUpOr(at.met) }
  const socket = unix
    ? net.connect(socketPath(at))
    : net.connect({ host: at.address ?? at.host, port: at.port, ...lookup })
  const onAbort = () => socket.destroy(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await once(socket, 'connect')
    socket.setNoDelay(true)
    if (unix || encryption === 'never') return socket
    if (!tls.direct && (await askForTls(socket)) === 'N') {
      if (encryption === 'always') throw new NoTlsError()
      return socket
    }
    const { startTls } = await import('./tls.ts')
    return await startTls(socket, at.host, tls)
  } catch (error) {
    socket.destroy()
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const lookupMs = 1_000

/** Looks a name up, but takes the address where we met its server before when the resolver is silent or fails. */
function lookUpOr(met: string): net.LookupFunction {
  return (host, options, callback) => {
    let isOver = false
    const settle: typeof callback = (...answer) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      callback(...answer)
    }
    const family = net.isIP(met)
    const goThere = () => settle(null, options.all ? [{ address: met, family }] : met, family)
    const timer = setTimeout(goThere, lookupMs)
    void import('node:dns').then(({ default: dns }) => {
      dns.lookup(host, options, (error, address, found) => (error ? goThere() : settle(null, address, found)))
    })
  }
}

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

async function askForTls(socket: net.Socket): Promise<'S' | 'N'> {
  socket.write(sslRequest)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  // More than the one byte could have been injected before encryption (CVE-2021-23222).
  if (answer.length === 1 && answer[0] === 0x53) return 'S'
  if (answer.length === 1 && answer[0] === 0x4e) return 'N'
  throw new Error('There was an error establishing an SSL connection')
}

/** The arguments of the stream's next such event; rejects when it fails or closes before. */
export function once(stream: Duplex, event: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      stream.off(event, onEvent).off('error', onError).off('close', onClose)
      act()
    }
    const onEvent = (...args: unknown[]) => settle(() => resolve(args))
    const onError = (error: Error) => settle(() => reject(error))
    const onClose = () => settle(() => reject(new Error('Connection terminated unexpectedly')))
    stream.on(event, onEvent).on('error', onError).on('close', onClose)
  })
}
