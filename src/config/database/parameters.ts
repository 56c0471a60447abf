import { nearest } from '../nearest.ts'

/** The parameters that mean something to us, each with libpq's variable that fills it in. */
export const honoured = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  dbname: 'PGDATABASE',
  service: 'PGSERVICE',
  servicefile: 'PGSERVICEFILE',
  options: 'PGOPTIONS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  channel_binding: 'PGCHANNELBINDING',
  require_auth: 'PGREQUIREAUTH',
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslcrl: 'PGSSLCRL',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslcertmode: 'PGSSLCERTMODE',
  sslsni: 'PGSSLSNI',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  sslpassword: null,
  ssl: null,
  schema: null,
  sslaccept: null,
} as const satisfies Record<string, `PG${string}` | null>

export type ParameterName = keyof typeof honoured

export type Parameters = Readonly<Partial<Record<ParameterName, string>>>

/** Right in libpq or in another tool, and without consequence for what we do. */
const harmless = [
  // We say who we are ourselves, so that those who wait can see who has the lock.
  'application_name',
  'fallback_application_name',
  // The files are UTF-8, and so is the session.
  'client_encoding',
  'load_balance_hosts',
  'krbsrvname',
  'gsslib',
  'gssdelegation',
  'sslcompression',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'max_protocol_version',
  // node-postgres': libpq's meanings are what we have anyway.
  'uselibpqcompat',
  // Prisma's, for its pool.
  'connection_limit',
  'pgbouncer',
  'pool_timeout',
  'sslidentity',
  'socket_timeout',
  'statement_cache_size',
  'max_connection_lifetime',
  'max_idle_connection_lifetime',
  'single_use_connections',
  // pgx's and lib/pq's, for theirs.
  'pool_max_conns',
  'pool_min_conns',
  'pool_max_conn_lifetime',
  'pool_max_conn_lifetime_jitter',
  'pool_max_conn_idle_time',
  'pool_health_check_period',
  'default_query_exec_mode',
  'statement_cache_capacity',
  'description_cache_capacity',
  'binary_parameters',
  // sqlx's and SQLAlchemy's.
  'statement-cache-capacity',
  'prepared_statement_cache_size',
  // Those of Rails, Django and postgres.js.
  'pool',
  'prepared_statements',
  'encoding',
  'checkout_timeout',
  'reaping_frequency',
  'idle_timeout',
  'conn_max_age',
  'conn_health_checks',
  'max_lifetime',
  'prepare',
  // Marks of integrations: `supa=base-pooler.x`, `workaround=supabase-pooler.vercel`.
  'supa',
  'workaround',
] as const

/** Parameters of which some values change nothing here, and the others are a promise that we cannot keep. */
export const limited = {
  gssencmode: {
    env: 'PGGSSENCMODE',
    fine: ['disable', 'prefer'],
    refused: ['require'],
    next: 'encrypt by TLS: sslmode=require',
  },
  target_session_attrs: {
    env: 'PGTARGETSESSIONATTRS',
    fine: ['any', 'read-write', 'primary', 'prefer-standby'],
    refused: ['read-only', 'standby'],
    next: 'migrations need the primary: leave it out',
  },
  replication: {
    env: null,
    fine: ['false', 'off', 'no', '0'],
    refused: ['true', 'on', 'yes', '1', 'database'],
    next: 'such a connection runs no migrations: leave it out',
  },
  min_protocol_version: {
    env: 'PGMINPROTOCOLVERSION',
    fine: ['3.0'],
    refused: ['3.2', 'latest'],
    next: 'version 3.0 of the protocol is what is spoken: leave it out',
  },
} as const satisfies Record<string, Limited>

interface Limited {
  readonly env: `PG${string}` | null
  readonly fine: readonly string[]
  readonly refused: readonly string[]
  readonly next: string
}

/** Right in libpq, and each of them a promise that leaving it out would break in silence. */
export const refused = {
  sslcrldir: { env: 'PGSSLCRLDIR', next: 'name one file by sslcrl' },
  requirepeer: { env: 'PGREQUIREPEER', next: 'protect the directory of the socket, and leave it out' },
  scram_client_key: { env: null, next: 'give the password' },
  scram_server_key: { env: null, next: 'give the password' },
  oauth_issuer: { env: null, next: 'give this role a password or a certificate' },
  oauth_client_id: { env: null, next: 'give this role a password or a certificate' },
  oauth_client_secret: { env: null, next: 'give this role a password or a certificate' },
  oauth_scope: { env: null, next: 'give this role a password or a certificate' },
  sslkeylogfile: { env: null, next: 'it would write down the keys of the connection: leave it out' },
} as const satisfies Record<string, { readonly env: `PG${string}` | null; readonly next: string }>

const known: readonly string[] = [...Object.keys(honoured), ...harmless, ...Object.keys(limited)]

/** The parameters of a query string, the last of a name wins as in libpq; what is wrong is added to `problems`. */
export function parseParameters(query: string, problems: string[]): Parameters {
  const parameters: Partial<Record<ParameterName, string>> = {}
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = percentDecode(equals < 0 ? pair : pair.slice(0, equals))
    if (equals < 0) problems.push(refuseName(name, true))
    else takeParameter(parameters, name, percentDecode(pair.slice(equals + 1)), problems)
  }
  return parameters
}

/** Puts one parameter among the others, or what is wrong with it among the problems. */
export function takeParameter(
  parameters: Partial<Record<ParameterName, string>>,
  name: string,
  value: string,
  problems: string[],
): void {
  if (Object.hasOwn(honoured, name)) parameters[name as ParameterName] = value
  else if (Object.hasOwn(limited, name)) {
    const problem = judgeLimited(name as keyof typeof limited, value, `its ${name}`)
    if (problem !== undefined) problems.push(problem)
  } else if (!(harmless as readonly string[]).includes(name)) problems.push(refuseName(name, false))
}

/** What is wrong with a value that would be a promise; `whose` names the parameter or the variable. */
export function judgeLimited(name: keyof typeof limited, value: string, whose: string): string | undefined {
  const { fine, refused: promises, next }: Limited = limited[name]
  if (fine.includes(value)) return undefined
  return promises.includes(value)
    ? `${whose}=${value} is not supported here; ${next}`
    : `${whose} is not one of ${[...fine, ...promises].join(', ')}`
}

function refuseName(name: string, noValue: boolean): string {
  // Anything else may be a piece of a password that has a ? or & in it.
  if (!/^[a-z_]{1,32}$/i.test(name)) return 'it has an invalid query parameter (in a password, write ? as %3F)'
  if (noValue) return `its query parameter "${name}" has no value (in a password, write ? as %3F)`
  if (Object.hasOwn(refused, name)) {
    return `its query parameter "${name}" is not supported here; ${refused[name as keyof typeof refused].next}`
  }
  if (name === 'search_path')
    return 'it has an invalid query parameter "search_path", write options=-csearch_path%3Dname'
  const meant = nearest(name, known)
  return `it has an invalid query parameter "${name}"${meant === undefined ? '' : `, did you mean ${meant}?`}`
}

/** Undoes percent-encoding and leaves what is none as it is, so a raw % in a password works; a + stays a +. */
export function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      return encoded
    }
  })
}
