import { type Parts, makeTarget } from './complete.ts'
import { parseParameters, percentDecode } from './parameters.ts'
import type { PgEnv } from './pg-env.ts'
import type { Target } from './target.ts'

/** What a right connection string looks like, for messages. */
export const connectionExample = 'postgres://app:password@db.example.com:5432/app'

const knownSchemes: Readonly<Record<string, string>> = {
  'prisma+postgres': "it is an address of Prisma's service, not of Postgres; take the direct one",
  prisma: "it is an address of Prisma's service, not of Postgres; take the direct one",
  mysql: 'it is an address of MySQL, not of Postgres',
  mariadb: 'it is an address of MariaDB, not of Postgres',
  'jdbc:postgresql': 'it begins with jdbc:, which only Java understands',
  'postgresql+psycopg2': 'its scheme names a Python driver',
  'postgresql+psycopg': 'its scheme names a Python driver',
  'postgresql+asyncpg': 'its scheme names a Python driver',
}

/**
 * Reads a postgres:// URL as libpq does, PG* filling in what it leaves out; a string says what is wrong and what a right
 * one looks like, and never holds any of the text itself, which may be a password.
 */
export function parseConnection(text: string, pgEnv: PgEnv, source = 'connection string'): Target | string {
  const parts = splitConnection(text)
  return typeof parts === 'string' ? parts : finishConnection(parts, pgEnv, source)
}

/** The first half of that: what the text itself says. */
export function splitConnection(text: string): Parts | string {
  const refusal = refuseText(text)
  if (refusal !== undefined) return withExample([refusal])
  const problems: string[] = []
  const parts = splitUrl(text.slice(text.indexOf('://') + 3), problems)
  return problems.length > 0 ? withExample(problems) : parts
}

/** The second half: what it leaves out comes from PG*. */
export function finishConnection(parts: Parts, pgEnv: PgEnv, source: string): Target | string {
  const target = makeTarget(parts, pgEnv, source)
  return Array.isArray(target) ? withExample(target) : target
}

function withExample(problems: readonly string[]): string {
  return `${problems.join('; ')}; expected something like ${connectionExample}`
}

/** What can be told before any splitting; the commonest mistakes of .env files and of other tools have their own words. */
function refuseText(text: string): string | undefined {
  if (text.trim() === '') return 'it is empty'
  if (/^["'`]/.test(text)) return 'it begins with a quote (docker --env-file and Kubernetes keep quotes as they are)'
  if (/^[a-z_]+\s*=/i.test(text)) return 'it is a list of key=value pairs; write it as a URL'
  if (/[^!-~\u0080-\uffff]|\s/.test(text)) return 'it has white space in it: a space, tab, newline or carriage return'
  const scheme = /^([a-z][a-z0-9+.:-]*?):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return 'it does not begin with postgres:// or postgresql://'
  if (scheme === 'postgres' || scheme === 'postgresql') return undefined
  return knownSchemes[scheme] ?? 'its scheme is neither postgres:// nor postgresql://'
}

/** user:password@hosts/database?parameters; the last @ before any ? ends the password, so it may hold @ : / % # as is. */
function splitUrl(rest: string, problems: string[]): Parts {
  const question = rest.indexOf('?')
  const head = question < 0 ? rest : rest.slice(0, question)
  const at = head.lastIndexOf('@')
  const slash = head.indexOf('/', at + 1)
  const authority = head.slice(at + 1, slash < 0 ? undefined : slash)
  const login = at < 0 ? '' : head.slice(0, at)
  const colon = login.indexOf(':')

  const { hosts, ports } = splitHosts(authority, problems)
  const parameters = parseParameters(question < 0 ? '' : rest.slice(question + 1), problems)
  const parts: Parts = {
    user: parameters.user || percentDecode(colon < 0 ? login : login.slice(0, colon)),
    password: parameters.password || percentDecode(colon < 0 ? '' : login.slice(colon + 1)),
    hosts: parameters.host ? parameters.host.split(',') : hosts,
    ports: parameters.port ? parameters.port.split(',') : ports,
    database: parameters.dbname || (slash < 0 ? '' : percentDecode(head.slice(slash + 1))),
    parameters,
  }
  if ([parts.user, parts.password, parts.database, ...parts.hosts].some((part) => part.includes('\0'))) {
    problems.push('it has a %00 in it, which Postgres cannot take')
  }
  return parts
}

/** The hosts and ports of `h1:p1,h2,[::1]:5433`; both lists are empty when it names none at all. */
function splitHosts(authority: string, problems: string[]): { hosts: string[]; ports: string[] } {
  const hosts: string[] = []
  const ports: string[] = []
  for (const entry of authority.split(',')) {
    const [, address, name, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(entry) ?? []
    if (address === undefined && name === undefined) problems.push('it has a [ without its ] in the host')
    hosts.push(percentDecode(address ?? name ?? ''))
    ports.push(port ?? '')
  }
  if (hosts.length > 1 && hosts.includes('')) problems.push('one of its hosts is empty')
  return {
    hosts: hosts.every((host) => host === '') ? [] : hosts,
    ports: ports.every((port) => port === '') ? [] : ports,
  }
}
