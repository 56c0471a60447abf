import { nearest } from './nearest.ts'

/** The query parameters of a connection string that mean something to us. */
const used = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'ssl',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'options',
  'connect_timeout',
  'gssencmode',
  'schema',
] as const

export type ParameterName = (typeof used)[number]

/** Right in libpq or node-postgres, and without consequence for what we do. */
const ignored = [
  'application_name',
  'fallback_application_name',
  'target_session_attrs',
  'load_balance_hosts',
  'channel_binding',
  'client_encoding',
  'krbsrvname',
  'gsslib',
  'gssdelegation',
  'uselibpqcompat',
  'sslnegotiation',
  'sslcompression',
  'sslsni',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'min_protocol_version',
  'max_protocol_version',
  'sslcertmode',
]

/** Prisma's own, meant for its connection pool. */
const prisma = [
  'connection_limit',
  'pgbouncer',
  'pool_timeout',
  'sslaccept',
  'sslidentity',
  'socket_timeout',
  'statement_cache_size',
  'max_connection_lifetime',
  'max_idle_connection_lifetime',
  'single_use_connections',
]

/** Right in libpq, and each of them a promise that leaving it out would break in silence. */
const unsupported: ReadonlySet<string> = new Set([
  'hostaddr',
  'passfile',
  'replication',
  'require_auth',
  'requirepeer',
  'service',
  'servicefile',
  'scram_client_key',
  'scram_server_key',
  'oauth_issuer',
  'oauth_client_id',
  'oauth_client_secret',
  'oauth_scope',
  'sslkeylogfile',
  'sslcrl',
  'sslcrldir',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
])

const usedNames: ReadonlySet<string> = new Set(used)
const ignoredNames: ReadonlySet<string> = new Set([...ignored, ...prisma])

/** The parameters of a query string, the last of a name wins as in libpq; what is wrong is added to `problems`. */
export function parseParameters(query: string, problems: string[]): Partial<Record<ParameterName, string>> {
  const parameters: Partial<Record<ParameterName, string>> = {}
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    if (equals >= 0 && usedNames.has(name)) parameters[name as ParameterName] = decode(pair.slice(equals + 1))
    else if (equals < 0 || !ignoredNames.has(name)) problems.push(refuse(name, equals < 0))
  }
  return parameters
}

function refuse(name: string, noValue: boolean): string {
  // Anything else may be a piece of a password that has a ? or & in it.
  if (!/^[a-z_]{1,32}$/i.test(name)) return 'it has an invalid query parameter (in a password, write ? as %3F)'
  if (noValue) return `its query parameter "${name}" has no value (in a password, write ? as %3F)`
  if (unsupported.has(name)) return `its query parameter "${name}" is not supported here`
  if (name === 'search_path')
    return 'it has an invalid query parameter "search_path", write options=-csearch_path%3Dname'
  const meant = nearest(name, [...usedNames, ...ignoredNames])
  return `it has an invalid query parameter "${name}"${meant === undefined ? '' : `, did you mean ${meant}?`}`
}

/** Undoes percent-encoding and leaves what is none as it is, so a raw % in a password works; a + stays a +. */
export function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      return encoded
    }
  })
}
