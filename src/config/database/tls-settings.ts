import { type Given, choose, find } from './pg-env.ts'
import type { SslMode, TlsSettings, TlsVersion } from './target.ts'

const modes: readonly SslMode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** libpq knows ssl=true only; the rest is how node-postgres writes it, no-verify being libpq's require. */
const sslValues: Readonly<Record<string, SslMode>> = {
  true: 'require',
  1: 'require',
  false: 'disable',
  0: 'disable',
  'no-verify': 'require',
}

const versions: Readonly<Record<string, TlsVersion>> = {
  tlsv1: 'TLSv1',
  'tlsv1.1': 'TLSv1.1',
  'tlsv1.2': 'TLSv1.2',
  'tlsv1.3': 'TLSv1.3',
}

/** The settings of TLS with libpq's meanings; what is wrong with them is added to the problems. */
export function makeTls(given: Given): TlsSettings {
  const { problems } = given
  const rootCert = find(given, 'sslrootcert').value || undefined
  const mode = makeMode(given, rootCert)
  const crl = find(given, 'sslcrl').value || undefined
  const direct = choose(given, 'sslnegotiation', ['postgres', 'direct']) === 'direct'
  if (direct && ['disable', 'allow', 'prefer'].includes(mode)) {
    problems.push('sslnegotiation=direct needs sslmode=require or stronger')
  }
  const minVersion = makeVersion(given, 'ssl_min_protocol_version')
  const maxVersion = makeVersion(given, 'ssl_max_protocol_version')
  if (maxVersion !== undefined && maxVersion < (minVersion ?? 'TLSv1.2')) {
    problems.push(
      'no version of TLS is between ssl_min_protocol_version (by default TLSv1.2) and ssl_max_protocol_version',
    )
  }
  return {
    mode,
    rootCert,
    ...makeCertificate(given),
    ...(crl === undefined ? {} : { crl }),
    ...(direct ? { direct } : {}),
    ...(choose(given, 'sslsni', ['1', '0']) === '0' ? { sni: false } : {}),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  }
}

function makeMode(given: Given, rootCert: string | undefined): SslMode {
  const { parameters, problems } = given
  const known = findMode(given, rootCert)
  if (known === undefined) {
    const whose = parameters.sslmode === undefined && parameters.ssl === undefined ? 'PGSSLMODE' : 'its sslmode'
    problems.push(`${whose} is not one of ${modes.join(', ')}`)
  }
  // Prisma's word for what libpq calls verify-full.
  const isStrict = choose(given, 'sslaccept', ['accept_invalid_certs', 'strict']) === 'strict'
  const mode = isStrict && known !== 'disable' ? 'verify-full' : (known ?? 'prefer')
  if (mode === 'verify-ca' && rootCert === undefined) {
    problems.push(
      'sslmode=verify-ca needs sslrootcert: anybody can have a certificate of a public authority (or verify-full)',
    )
  }
  if (rootCert === 'system' && mode !== 'verify-full') problems.push('sslrootcert=system needs sslmode=verify-full')
  return mode
}

function findMode(given: Given, rootCert: string | undefined): SslMode | undefined {
  const { parameters } = given
  if (parameters.sslmode === undefined && parameters.ssl !== undefined) return sslValues[parameters.ssl]
  const mode = find(given, 'sslmode').value ?? (rootCert === 'system' ? 'verify-full' : 'prefer')
  if (mode === 'no-verify') return 'require'
  return modes.find((known) => known === mode)
}

/** The client's certificate; sslcertmode=disable keeps it back. */
function makeCertificate(given: Given): Pick<TlsSettings, 'cert' | 'key' | 'keyPassword'> {
  const certMode = choose(given, 'sslcertmode', ['allow', 'disable', 'require'])
  if (certMode === 'require') {
    given.problems.push('sslcertmode=require is not supported here; leave it to pg_hba.conf to ask for the certificate')
  }
  if (certMode === 'disable') return { cert: undefined, key: undefined, keyPassword: undefined }
  const cert = find(given, 'sslcert').value || undefined
  const key = find(given, 'sslkey').value || undefined
  if (cert !== undefined && key === undefined) {
    given.problems.push(
      "sslcert is the client's certificate and needs sslkey as well (for the server's authority: sslrootcert)",
    )
  }
  return { cert, key, keyPassword: given.parameters.sslpassword || undefined }
}

function makeVersion(
  given: Given,
  name: 'ssl_min_protocol_version' | 'ssl_max_protocol_version',
): TlsVersion | undefined {
  const { value, whose } = find(given, name)
  const version = value ? versions[value.toLowerCase()] : undefined
  if (value && !version) given.problems.push(`${whose} is not one of ${Object.values(versions).join(', ')}`)
  return version
}
