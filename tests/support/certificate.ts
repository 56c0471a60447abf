// X.509 certificates for tests, in so much DER as that takes: not every machine has openssl.
import { type KeyObject, X509Certificate, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its private key, as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** From when to when a certificate is good, in days from today. */
export interface Days {
  readonly from: number
  readonly to: number
}

/** An authority that can issue certificates. */
export interface Authority extends Certificate {
  /** For a server known by these host names and addresses, or a client known by its name. */
  issue(name: string, hosts?: readonly string[], days?: Days): Certificate
  /** The list of its certificates that are not to be trusted any more, as PEM. */
  revoke(certificates: readonly Certificate[]): string
}

/** Of its keys; with Ed25519 there is no digest that a login could be bound to. */
type Kind = 'ec' | 'ed25519'

/** A new authority, trusted by nobody yet. */
export function makeAuthority(name: string, kind: Kind = 'ec'): Authority {
  const keys = makeKeys(kind)
  const make = (subject: string, publicKey: KeyObject, extensions: Buffer, days: Days = { from: -1, to: 1 }) =>
    makeCertificate({ issuer: name, issuerKey: keys.privateKey, subject, publicKey, extensions, days })
  return {
    cert: make(name, keys.publicKey, extension('551d13', true, sequence(der(0x01, Buffer.from([0xff]))))),
    key: toPem(keys.privateKey),
    issue: (subject, hosts = [], days) => {
      const own = makeKeys(kind)
      const names = hosts.map((host) =>
        isIP(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host)),
      )
      const extensions = names.length > 0 ? extension('551d11', false, sequence(...names)) : Buffer.alloc(0)
      return { cert: make(subject, own.publicKey, extensions, days), key: toPem(own.privateKey) }
    },
    revoke: (certificates) => makeRevocations(name, keys.privateKey, certificates),
  }
}

const dayMs = 86_400_000

function makeKeys(kind: Kind) {
  return kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
}

/** What stands in a certificate for the way in which it is signed. */
function algorithmOf(issuerKey: KeyObject): Buffer {
  const oid = issuerKey.asymmetricKeyType === 'ec' ? '2a8648ce3d040302' : '2b6570'
  return sequence(der(0x06, Buffer.from(oid, 'hex')))
}

interface Parts {
  readonly issuer: string
  readonly issuerKey: KeyObject
  readonly subject: string
  readonly publicKey: KeyObject
  readonly extensions: Buffer
  readonly days: Days
}

function makeCertificate({ issuer, issuerKey, subject, publicKey, extensions, days }: Parts): string {
  const validity = sequence(utcTime(Date.now() + days.from * dayMs), utcTime(Date.now() + days.to * dayMs))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithmOf(issuerKey),
    distinguishedName(issuer),
    validity,
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(extensions))] : []),
  )
  return signed('CERTIFICATE', body, issuerKey)
}

function makeRevocations(issuer: string, issuerKey: KeyObject, certificates: readonly Certificate[]): string {
  const entries = certificates.map(({ cert }) => {
    const serial = Buffer.from(new X509Certificate(cert).serialNumber, 'hex')
    return sequence(der(0x02, serial), utcTime(Date.now() - dayMs))
  })
  const body = sequence(
    algorithmOf(issuerKey),
    distinguishedName(issuer),
    utcTime(Date.now() - dayMs),
    utcTime(Date.now() + dayMs),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
  )
  return signed('X509 CRL', body, issuerKey)
}

function signed(label: string, body: Buffer, issuerKey: KeyObject): string {
  const signature = der(
    0x03,
    Buffer.concat([Buffer.from([0]), sign(issuerKey.asymmetricKeyType === 'ec' ? 'sha256' : null, body, issuerKey)]),
  )
  const base64 = sequence(body, algorithmOf(issuerKey), signature).toString('base64')
  // No empty line behind a last line that is full: OpenSSL takes it for the end.
  return `-----BEGIN ${label}-----\n${base64.match(/.{1,64}/g)!.join('\n')}\n-----END ${label}-----\n`
}

function distinguishedName(commonName: string): Buffer {
  const attribute = sequence(der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from(commonName)))
  return sequence(der(0x31, attribute))
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der(0x01, Buffer.from([0xff]))] : []
  return sequence(der(0x06, Buffer.from(oid, 'hex')), ...flag, der(0x04, value))
}

function utcTime(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function der(tag: number, body: Buffer): Buffer {
  const { length } = body
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}

function toPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
