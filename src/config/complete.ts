import type { ParameterName } from './parameters.ts'
import type { HostPort, SslMode, Target, TlsSettings } from './target.ts'

/** libpq's variables that fill in what a connection string leaves out. */
export const pgNames = [
  'PGHOST',
  'PGPORT',
  'PGUSER',
  'PGPASSWORD',
  'PGDATABASE',
  'PGSSLMODE',
  'PGSSLROOTCERT',
  'PGSSLCERT',
  'PGSSLKEY',
  'PGOPTIONS',
  'PGCONNECT_TIMEOUT',
] as const

/** The values of PG* that are set. */
export type PgEnv = Readonly<Partial<Record<(typeof pgNames)[number], string>>>

/** A connection string taken apart; an empty text or list is what it leaves out. */
export interface Parts {
  readonly user: string
  readonly password: string
  readonly hosts: readonly string[]
  readonly ports: readonly string[]
  readonly database: string
  readonly parameters: Readonly<Partial<Record<ParameterName, string>>>
}

const noParts: Parts = { user: '', password: '', hosts: [], ports: [], database: '', parameters: {} }

/** The target that PG* alone describe, or what is wrong with them. */
export function targetFromPgEnv(pgEnv: PgEnv, source: string): Target | string {
  const target = makeTarget(noParts, pgEnv, source)
  return Array.isArray(target) ? target.join('; ') : target
}

/** Fills the gaps from PG* and libpq's defaults and checks the result; a list says everything that is wrong with it. */
export function makeTarget(parts: Parts, pgEnv: PgEnv, source: string): Target | string[] {
  const problems: string[] = []
  const { parameters } = parts
  const user = parts.user || pgEnv.PGUSER
  // As whom a container runs says nothing about Postgres, so libpq's default of the system's user is none.
  if (!user) problems.push('it names no user, and PGUSER is not set')
  const hosts = makeHosts(parts, pgEnv, problems)
  const tls = makeTls(parameters, pgEnv, problems)
  const connectTimeoutMs = makeConnectTimeout(parameters, pgEnv, problems)
  if (parameters.gssencmode === 'require') problems.push('its gssencmode=require is not supported here')
  if (problems.length > 0 || !user) return problems
  return {
    hosts,
    database: parts.database || pgEnv.PGDATABASE || user,
    user,
    password: parts.password || pgEnv.PGPASSWORD || undefined,
    tls,
    options: parameters.options || pgEnv.PGOPTIONS || undefined,
    connectTimeoutMs,
    searchPath: parameters.schema || undefined,
    source,
  }
}

/** One port for all hosts, or one for each of them; where an entry is empty it is 5432, as in libpq. */
function makeHosts(parts: Parts, pgEnv: PgEnv, problems: string[]): HostPort[] {
  const hosts = parts.hosts.length > 0 ? parts.hosts : (pgEnv.PGHOST?.split(',') ?? [])
  const ports = parts.ports.length > 0 ? parts.ports : (pgEnv.PGPORT?.split(',') ?? [''])
  if (hosts.length === 0) problems.push('it names no host, and PGHOST is not set (for a socket: ?host=/directory)')
  else if (ports.length > 1 && ports.length !== hosts.length) {
    problems.push(`it has ${ports.length} ports for ${hosts.length} host${hosts.length === 1 ? '' : 's'}`)
  }
  if (!ports.every(isPort)) {
    problems.push(`${parts.ports.length > 0 ? 'its port' : 'PGPORT'} is not a number from 1 to 65535`)
  }
  if (!hosts.every(isHost)) {
    const whose = parts.hosts.length > 0 ? 'its host name' : 'PGHOST'
    problems.push(`${whose} is empty or has a character that no host name has (a $ is a variable nobody filled in)`)
  }
  return hosts.map((host, index) => ({ host, port: Number(ports[ports.length === 1 ? 0 : index] || 5432) }))
}

function isPort(port: string): boolean {
  return port === '' || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)
}

function isHost(host: string): boolean {
  const address = host.includes(':') && /^[0-9a-f:.]+(%[\w.-]+)?$/i.test(host)
  return host.startsWith('/') || address || /^[\w.\u0080-\uffff-]+$/.test(host)
}

const modes: readonly SslMode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** libpq knows ssl=true only; the rest is how node-postgres writes it, no-verify being libpq's require. */
const sslValues: Readonly<Record<string, SslMode>> = { true: 'require', false: 'disable', 'no-verify': 'require' }

function makeTls(parameters: Parts['parameters'], pgEnv: PgEnv, problems: string[]): TlsSettings {
  const rootCert = parameters.sslrootcert || pgEnv.PGSSLROOTCERT || undefined
  const cert = parameters.sslcert || pgEnv.PGSSLCERT || undefined
  const key = parameters.sslkey || pgEnv.PGSSLKEY || undefined
  const known = makeMode(parameters, pgEnv, rootCert)
  if (known === undefined) {
    const whose = parameters.sslmode === undefined && parameters.ssl === undefined ? 'PGSSLMODE' : 'its sslmode'
    problems.push(`${whose} is not one of ${modes.join(', ')}`)
  } else if (rootCert === 'system' && known !== 'verify-full') {
    problems.push('sslrootcert=system needs sslmode=verify-full')
  }
  if (cert !== undefined && key === undefined) {
    problems.push(
      "sslcert is the client's certificate and needs sslkey as well (for the server's authority: sslrootcert)",
    )
  }
  return { mode: known ?? 'prefer', rootCert, cert, key, keyPassword: parameters.sslpassword || undefined }
}

function makeMode(parameters: Parts['parameters'], pgEnv: PgEnv, rootCert: string | undefined): SslMode | undefined {
  if (parameters.sslmode === undefined && parameters.ssl !== undefined) return sslValues[parameters.ssl]
  const mode = parameters.sslmode ?? pgEnv.PGSSLMODE ?? (rootCert === 'system' ? 'verify-full' : 'prefer')
  if (mode === 'no-verify') return 'require'
  return modes.find((known) => known === mode)
}

function makeConnectTimeout(parameters: Parts['parameters'], pgEnv: PgEnv, problems: string[]): number {
  const seconds = parameters.connect_timeout ?? pgEnv.PGCONNECT_TIMEOUT ?? '0'
  if (/^-?\d{1,6}$/.test(seconds)) return Math.max(0, Number(seconds)) * 1000
  const whose = parameters.connect_timeout === undefined ? 'PGCONNECT_TIMEOUT' : 'its connect_timeout'
  problems.push(`${whose} is not a whole number of seconds`)
  return 0
}
