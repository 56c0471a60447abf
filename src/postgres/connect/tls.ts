import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import type { TlsSettings } from '../../config/database/target.ts'
import { Failure } from '../../errors.ts'
import { once } from './socket.ts'

/**
 * TLS over a connected socket with libpq's meanings: only verify-ca and verify-full look at the certificate, and
 * `require` does too when a root certificate is named (libpq: "for backwards compatibility").
 */
export async function startTls(socket: net.Socket, host: string, settings: TlsSettings): Promise<tls.TLSSocket> {
  const secure = tls.connect({ socket, ...tlsOptions(host, settings) })
  try {
    await once(secure, 'secureConnect')
  } catch (error) {
    if (settings.direct) (error as Error).message += ' (sslnegotiation=direct: only Postgres 17 and newer know it)'
    throw error
  }
  // Somebody who does not speak Postgres inside TLS may have answered.
  if (settings.direct && secure.alpnProtocol !== 'postgresql') {
    secure.destroy()
    throw new Error('the server does not support TLS without asking first (sslnegotiation=direct)')
  }
  return secure
}

function tlsOptions(host: string, settings: TlsSettings): tls.ConnectionOptions {
  const { mode, rootCert } = settings
  const verify = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && rootCert !== undefined)
  return {
    minVersion: settings.minVersion ?? 'TLSv1.2',
    ...(settings.maxVersion ? { maxVersion: settings.maxVersion } : {}),
    ...(settings.direct ? { ALPNProtocols: ['postgresql'] } : {}),
    rejectUnauthorized: verify,
    // SNI carries names only (RFC 6066); certificates are checked against the address all the same.
    ...(net.isIP(host) === 0 && settings.sni !== false ? { servername: host } : {}),
    host,
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(rootCert && rootCert !== 'system' ? { ca: readPem('sslrootcert', rootCert) } : {}),
    ...(settings.crl ? { crl: readPem('sslcrl', settings.crl) } : {}),
    ...(settings.cert ? { cert: readPem('sslcert', settings.cert) } : {}),
    ...(settings.key ? { key: readPem('sslkey', settings.key) } : {}),
    ...(settings.keyPassword ? { passphrase: settings.keyPassword } : {}),
  }
}

function readPem(parameter: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Failure('USAGE', `${parameter}: cannot read ${path}`, {
      reason: (error as Error).message,
      next: `Mount the file, make it readable for this user, or correct ${parameter}.`,
    })
  }
}
