/** Which server, as whom, and how: everything a connection needs; `hosts` are tried in order. */
export interface Target {
  readonly hosts: readonly HostPort[]
  readonly database: string
  readonly user: string
  /** Whom everything is done as after the login (SET ROLE); undefined for the user itself. */
  readonly role?: string | undefined
  /** undefined when none was given (trust, peer, certificate, or ~/.pgpass). */
  readonly password: string | undefined
  readonly tls: TlsSettings
  /** libpq's `options`, sent as a startup parameter only when the user set it. */
  readonly options: string | undefined
  /** libpq's connect_timeout for one attempt, in milliseconds; 0 when not set. */
  readonly connectTimeoutMs: number
  /** The schema of Prisma's `?schema=`, put first on the search_path; undefined when not set. */
  readonly searchPath: string | undefined
  /** Where it came from, for the log: `UPFRONT_DATABASE_URL`, `DATABASE_URL (.env)`, `PG*`. */
  readonly source: string
}

/** `host` is a name, an address, or the directory of a unix socket (begins with a slash). */
export interface HostPort {
  readonly host: string
  readonly port: number
}

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** libpq's settings of the same names; the paths are of PEM files, `system` as root means the system's own. */
export interface TlsSettings {
  readonly mode: SslMode
  readonly rootCert: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly keyPassword: string | undefined
}

/** The target for people: database, host and port of every host, user; never the password. */
export function describeTarget(target: Target): string {
  const hosts = target.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  const role = target.role === undefined ? '' : ` in the role ${target.role}`
  return `${target.database} on ${hosts} as ${target.user}${role}`
}
