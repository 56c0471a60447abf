import { isIP } from 'node:net'

import { makeDemands } from './demands.ts'
import type { Parameters } from './parameters.ts'
import { type Given, type PgEnv, find } from './pg-env.ts'
import { type HostPort, type Target, isUnixSocket, socketPath } from './target.ts'
import { makeTls } from './tls-settings.ts'

/** A connection string taken apart; an empty text or list is what it leaves out. */
export interface Parts {
  readonly user: string
  readonly password: string
  readonly hosts: readonly string[]
  readonly ports: readonly string[]
  readonly database: string
  readonly parameters: Parameters
}

/** A connection string that says nothing. */
export const noParts: Parts = { user: '', password: '', hosts: [], ports: [], database: '', parameters: {} }

/** The target that PG* alone describe, or what is wrong with them. */
export function targetFromPgEnv(pgEnv: PgEnv, source: string): Target | string {
  return targetFromParts(noParts, pgEnv, source)
}

/** The same with a service's parts before them. */
export function targetFromParts(parts: Parts, pgEnv: PgEnv, source: string): Target | string {
  const target = makeTarget(parts, pgEnv, source)
  return Array.isArray(target) ? target.join('; ') : target
}

/** What a service file says, behind what the connection string says itself. */
export function withService(parts: Parts, service: Parameters): Parts {
  return {
    user: parts.user || (service.user ?? ''),
    password: parts.password || (service.password ?? ''),
    hosts: parts.hosts.length > 0 ? parts.hosts : (service.host?.split(',') ?? []),
    ports: parts.ports.length > 0 ? parts.ports : (service.port?.split(',') ?? []),
    database: parts.database || (service.dbname ?? ''),
    parameters: { ...service, ...parts.parameters },
  }
}

/** Fills the gaps from PG* and libpq's defaults and checks the result; a list says everything that is wrong with it. */
export function makeTarget(parts: Parts, pgEnv: PgEnv, source: string): Target | string[] {
  const problems: string[] = []
  const { parameters } = parts
  const given = { parameters, pgEnv, problems }
  const user = parts.user || pgEnv['PGUSER']
  // As whom a container runs says nothing about Postgres, so libpq's default of the system's user is none.
  if (!user) problems.push('it names no user, and PGUSER is not set')
  const hosts = makeHosts(parts, given)
  const tls = makeTls(given)
  const demands = makeDemands(given)
  const connectTimeoutMs = makeConnectTimeout(given)
  const passfile = find(given, 'passfile').value
  if (problems.length > 0 || !user) return problems
  return {
    hosts,
    database: parts.database || pgEnv['PGDATABASE'] || user,
    user,
    password: parts.password || pgEnv['PGPASSWORD'] || undefined,
    tls,
    ...demands,
    options: find(given, 'options').value || undefined,
    connectTimeoutMs,
    searchPath: parameters.schema ? [parameters.schema] : undefined,
    source,
    ...(passfile ? { passfile } : {}),
  }
}

/** One port for all hosts, or one for each of them; where an entry is empty it is 5432, as in libpq. */
function makeHosts(parts: Parts, given: Given): HostPort[] {
  const { pgEnv, problems } = given
  const named = parts.hosts.length > 0 ? parts.hosts : (pgEnv['PGHOST']?.split(',') ?? [])
  const hostaddr = find(given, 'hostaddr')
  const addresses = hostaddr.value ? hostaddr.value.split(',') : []
  const hosts = named.length > 0 ? named : addresses
  const ports = parts.ports.length > 0 ? parts.ports : (pgEnv['PGPORT']?.split(',') ?? [''])
  const count = `${hosts.length} host${hosts.length === 1 ? '' : 's'}`
  if (hosts.length === 0) problems.push('it names no host, and PGHOST is not set (for a socket: ?host=/directory)')
  else if (ports.length > 1 && ports.length !== hosts.length) {
    problems.push(`it has ${ports.length} ports for ${count}`)
  }
  if (addresses.length > 0 && addresses.length !== hosts.length) {
    problems.push(`it has ${addresses.length} hostaddr for ${count}`)
  }
  if (!addresses.every((address) => address === '' || isIP(address) !== 0)) {
    problems.push(`${hostaddr.whose} is not an address`)
  }
  if (!ports.every(isPort)) {
    problems.push(`${parts.ports.length > 0 ? 'its port' : 'PGPORT'} is not a number from 1 to 65535`)
  }
  const whose = parts.hosts.length > 0 ? 'its host name' : 'PGHOST'
  if (!hosts.every(isHost)) {
    problems.push(`${whose} is empty or has a character that no host name has (a $ is a variable nobody filled in)`)
  }
  const all = hosts.map((host, index) => {
    const port = Number(ports[ports.length === 1 ? 0 : index] || 5432)
    return { host, port, ...(addresses[index] ? { address: addresses[index] } : {}) }
  })
  if (all.some((at) => isUnixSocket(at.host) && Buffer.byteLength(socketPath(at)) > longestPath)) {
    problems.push(`${whose} is too long for a socket: its path has more than ${longestPath} bytes`)
  }
  return all
}

/** What the system has room for; one less on other systems than Linux, where it then fails by itself. */
const longestPath = 107

function isPort(port: string): boolean {
  return port === '' || (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)
}

function isHost(host: string): boolean {
  const address = host.includes(':') && /^[0-9a-f:.]+(%[\w.-]+)?$/i.test(host)
  return host.startsWith('/') || /^@./.test(host) || address || /^[\w.\u0080-\uffff-]+$/.test(host)
}

function makeConnectTimeout(given: Given): number {
  const { value = '0', whose } = find(given, 'connect_timeout')
  if (/^-?\d{1,6}$/.test(value)) return Math.max(0, Number(value)) * 1000
  given.problems.push(`${whose} is not a whole number of seconds`)
  return 0
}
