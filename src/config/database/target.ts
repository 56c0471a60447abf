/** Which server, as whom, and how: everything a connection needs; `hosts` are tried in order. */
export interface Target {
  readonly hosts: readonly HostPort[]
  readonly database: string
  readonly user: string
  /** Whom everything is done as after the login (SET ROLE); undefined for the user itself. */
  readonly role?: string | undefined
  /** undefined when none was given (trust, peer, certificate, or a password file). */
  readonly password: string | undefined
  readonly tls: TlsSettings
  /** libpq's channel_binding: whether the login must prove that nobody sits between us and the server. */
  readonly channelBinding: ChannelBinding
  /** libpq's require_auth: the ways to log in that the server may ask for; undefined for any. */
  readonly requireAuth: readonly AuthMethod[] | undefined
  /** libpq's `options`, sent as a startup parameter only when the user set it. */
  readonly options: string | undefined
  /** libpq's connect_timeout for one attempt, in milliseconds; 0 when not set. */
  readonly connectTimeoutMs: number
  /** The schemas of the search_path: that of Prisma's `?schema=`, or a tenant's; undefined for the server's own setting. */
  readonly searchPath: readonly string[] | undefined
  /** Where it came from, for the log: `UPFRONT_DATABASE_URL`, `DATABASE_URL (.env)`, `PG*`. */
  readonly source: string
  /** libpq's passfile, where passwords stand by host, port, database and user; undefined for ~/.pgpass. */
  readonly passfile?: string
  /**
   * The same with what its files hold now (X_FILE, a password file, a service file), because credentials rotate; never
   * rejects, undefined when no file is behind it.
   */
  readonly renew?: (at?: HostPort) => Promise<Target>
}

/** `host` is a name, an address, the directory of a unix socket, or an abstract socket (begins with an @). */
export interface HostPort {
  readonly host: string
  readonly port: number
  /** libpq's hostaddr: where to connect, when that is not to be looked up from the host. */
  readonly address?: string
  /** Where it was met before, for when its name cannot be looked up just now. */
  readonly met?: string
}

/** A tenant's schema, and behind it the one where extensions and what all tenants share are. */
export function tenantSearchPath(schema: string): readonly string[] {
  return [schema, 'public']
}

/** Whether a host is a socket of this machine, where there is neither TLS nor a name to look up. */
export function isUnixSocket(host: string): boolean {
  return /^[/@]/.test(host)
}

/** Where that socket is; an abstract one has no file. */
export function socketPath({ host, port }: HostPort): string {
  return `${host.replace(/^@/, '\0')}/.s.PGSQL.${port}`
}

export type ChannelBinding = 'disable' | 'prefer' | 'require'

/** The ways to log in, by libpq's names; `none` is to be let in without a question. */
export const authMethods = ['password', 'md5', 'scram-sha-256', 'gss', 'sspi', 'oauth', 'none'] as const

export type AuthMethod = (typeof authMethods)[number]

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** libpq's settings of the same names; the paths are of PEM files, `system` as root means the system's own. */
export interface TlsSettings {
  readonly mode: SslMode
  readonly rootCert: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly keyPassword: string | undefined
  /** Certificates that are not to be trusted any more. */
  readonly crl?: string | undefined
  /** TLS at once, without asking first; the server must be 17 or newer. */
  readonly direct?: boolean
  /** Whether the server is told which host is meant. */
  readonly sni?: boolean
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** The target for people: database, host and port of every host, user; never the password. */
export function describeTarget(target: Target): string {
  const hosts = target.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  const role = target.role === undefined ? '' : ` in the role ${target.role}`
  return `${target.database} on ${hosts} as ${target.user}${role}`
}
