import type { FailureCode } from '../errors.ts'
import { LoginRefused, isUnbindable } from './connect/login.ts'

/**
 * What a failed attempt to connect means. `retry`: time can mend it. `grace`: it may for a short while, as when a role
 * is created late. `fatal`: it cannot.
 */
export interface Verdict {
  readonly verdict: 'retry' | 'grace' | 'fatal'
  /** The exit when it is fatal or grace has run out. */
  readonly code: FailureCode
  /** For people, in one line. */
  readonly reason: string
  readonly sqlstate?: string
  readonly next?: string
}

interface Coded {
  readonly code?: string
  readonly message: string
  readonly severity?: string
  readonly schema?: string
  readonly errors?: readonly Coded[]
}

/** Classifies by the retry table of a runner that waits; see docs/architecture.md, "What is retried". */
export function classifyConnectError(error: unknown): Verdict {
  const e = error as Coded
  // Happy eyeballs give one error for each address; one that time can mend decides.
  if (e.errors?.length) {
    const all = e.errors.map(classifyConnectError)
    return all.find((one) => one.verdict === 'retry') ?? all[0]!
  }
  const code = e.code ?? ''
  if (error instanceof LoginRefused) return { verdict: 'fatal', code: 'DENIED', reason: e.message, next: error.next }
  if (/^[0-9A-Z]{5}$/.test(code) && e.severity !== undefined) return classifySqlstate(code, e.message)
  return classifySystemError(code, e.message)
}

const dialled = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|ENOTCONN|EADDRNOTAVAIL|EAI_AGAIN|EAI_FAIL|ESERVFAIL|ENOENT)$/ // prettier-ignore
const certificate = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO|HOSTNAME_MISMATCH)/

/** The authentication requests that neither pg nor we can answer, by their codes in the protocol. */
const loginCodes: Readonly<Record<string, string>> = {
  2: 'Kerberos V5',
  6: 'SCM credentials',
  7: 'GSSAPI (Kerberos)',
  8: 'GSSAPI (Kerberos)',
  9: 'SSPI (Windows)',
}

function classifySystemError(code: string, message: string): Verdict {
  const reason = code && !message.includes(code) ? `${message} (${code})` : message
  if (dialled.test(code)) return { verdict: 'retry', code: 'NOT_READY', reason }
  if (code === 'ENOTFOUND') {
    return { verdict: 'retry', code: 'NOT_READY', reason, next: 'Check the host name in the connection settings.' }
  }
  if (code === 'EACCES' || code === 'EPERM') return { verdict: 'grace', code: 'DENIED', reason }
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    return {
      verdict: 'fatal',
      code: 'DENIED',
      reason,
      next: 'The server refused what we showed it: check sslcert and sslkey, and ssl_min_protocol_version.',
    }
  }
  if (certificate.test(code)) {
    return {
      verdict: 'fatal',
      code: 'DENIED',
      reason,
      next: 'Give the certificate authority by sslrootcert (PGSSLROOTCERT), or correct the host name the certificate is for.',
    }
  }
  if (/does not support (TLS|SSL)/.test(message)) {
    return {
      verdict: 'fatal',
      code: 'DENIED',
      reason,
      next: 'Turn TLS on at the server, or set sslmode=prefer or sslmode=disable.',
    }
  }
  if (/client password must be a/.test(message)) {
    return {
      verdict: 'fatal',
      code: 'USAGE',
      reason: 'the server asks for a password and none is set',
      next: 'Put the password into the connection URL, or set PGPASSWORD, PGPASSWORD_FILE or PGPASSFILE.',
    }
  }
  const unknown = /Unknown authenticationOk message type (\d+)/.exec(message)?.[1]
  if (unknown !== undefined) {
    const way = loginCodes[unknown] ?? `a way of its own (code ${unknown})`
    return {
      verdict: 'fatal',
      code: 'DENIED',
      reason: `the server asks for a login by ${way}, which is not supported here`,
      next: 'Give this role another way in: a line with scram-sha-256 (or cert) in pg_hba.conf before the one that is met now.',
    }
  }
  if (isUnbindable({ code, message })) return unbindable(message)
  if (/^SASL|SCRAM/.test(message)) return { verdict: 'fatal', code: 'DENIED', reason }
  // Accepted and closed, timed out, or something that is not Postgres: it may be starting.
  return { verdict: 'retry', code: 'NOT_READY', reason: reason || 'no answer' }
}

/** Only channel_binding=require comes here. */
function unbindable(message: string): Verdict {
  const [reason = ''] = message.split(' when parsing')
  return {
    verdict: 'fatal',
    code: 'DENIED',
    reason: `channel_binding=require: ${reason.replace('SASL channel binding: ', '')}`,
    next: 'Give the server a certificate signed by RSA (PKCS #1) or ECDSA, or set channel_binding=prefer.',
  }
}

const boundElsewhere =
  'The certificate that we see is not the one of the server: a proxy of yours ends TLS (then set channel_binding=disable), or somebody listens.'

/** How poolers and hosted services say that all their connections are taken. */
const full =
  /max clients? (connections )?reached|max_client_conn|too many (tcp )?connections|too many clients|connection from the pool|timed[ -]out waiting to acquire|borrow a connection|query_wait_timeout|EMAXCONN/i

const pooler = {
  fatalUnsafe: /unsupported startup parameter|statement pooling mode/,
  fatalDenied: /bouncer config error|no such database|no such user/,
}

function classifySqlstate(sqlstate: string, message: string): Verdict {
  const is = (verdict: Verdict['verdict'], code: FailureCode, next?: string): Verdict => ({
    verdict,
    code,
    reason: message,
    sqlstate,
    ...(next === undefined ? {} : { next }),
  })
  if (isUnbindable({ code: sqlstate, message })) return unbindable(message)
  if (full.test(message)) {
    return is('retry', 'NOT_READY', 'Let go of connections, or allow more (of the server, the pooler or the role).')
  }
  switch (sqlstate) {
    case '57P03': // starting up, shutting down, in recovery
    case '57P01':
    case '57P02':
    case '57P05':
    case '53300': // too many connections
    case '55006': // somebody uses the template of a database that is to be created
    case '53100':
    case '53200':
      return is('retry', 'NOT_READY')
    case '57014': // what the role, the database or the server bounds, before our own settings hold
      return is('retry', 'NOT_READY', 'Raise statement_timeout of the role: the first question was over it.')
    case '55P03': // the same, or our own bound of a gate, whose first question reads the history
      return is(
        'retry',
        'NOT_READY',
        'Somebody has locked our tables for longer than lock_timeout (of the role, or UPFRONT_LOCK_TIMEOUT): let that finish.',
      )
    case '28P01': // wrong password, unknown role, expired role: all look the same under SCRAM
      return is('grace', 'DENIED', 'Check user and password; the role must exist and its password not be expired.')
    case '28000':
      if (/channel binding/.test(message)) return is('fatal', 'DENIED', boundElsewhere)
      if (/client certificate/.test(message))
        return is(
          'fatal',
          'DENIED',
          'Give the certificate and its key as PEM files by sslcert and sslkey (PGSSLCERT, PGSSLKEY).',
        )
      return /no encryption/.test(message)
        ? is('fatal', 'DENIED', 'The server takes only encrypted connections from here: set sslmode=require.')
        : is('grace', 'DENIED', 'Check the role (LOGIN) and the pg_hba.conf of the server.')
    case '3D000':
      return is(
        'grace',
        'DENIED',
        'Create the database, correct its name, or let upfront up create it: UPFRONT_CREATE_DATABASE=true.',
      )
    case '25006':
      return is('retry', 'NOT_READY')
    case '08P01': // every error of PgBouncer
      if (pooler.fatalUnsafe.test(message)) return is('fatal', 'UNSAFE')
      if (pooler.fatalDenied.test(message)) return is('fatal', 'DENIED')
      return is('retry', 'NOT_READY')
    case '42501':
      return is('fatal', 'DENIED', 'Grant the role what it lacks: docs/errors.md, DENIED, has the statements.')
  }
  if (sqlstate.startsWith('08')) return is('retry', 'NOT_READY')
  if (sqlstate === 'XX000' && /compute node|Control plane|endpoint/.test(message)) return is('retry', 'NOT_READY')
  return is('fatal', 'DENIED')
}

const lostStates = new Set(['57P01', '57P02', '57P05', '08000', '08001', '08003', '08006', '08007', '40003'])

/** Errors that look like a lost connection, though their session goes on. */
const survived = new WeakSet<object>()

/** Notes that the session goes on: the connection that is lost is another one, to a foreign server or a publisher. */
export function noteSurvived(error: unknown): void {
  if (typeof error === 'object' && error !== null) survived.add(error)
}

/** Whether a query's error says that its connection is gone, so that its outcome is to be read from the history. */
export function isConnectionLost(error: unknown): boolean {
  const e = error as Coded
  if (typeof e === 'object' && e !== null && survived.has(e)) return false
  // PgBouncer has one code for everything; that it ended an idle transaction is no lost connection.
  if (e.code === '08P01' && e.severity === 'FATAL') return !/transaction timeout/.test(e.message)
  if (e.severity !== undefined) return lostStates.has(e.code ?? '')
  // TLS ends at the first byte that was changed on the way, and what was sent before may have been done.
  if (/^(ERR_SSL_|EPROTO$)/.test(e.code ?? '')) return true
  if (/^(ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTCONN|ECONNREFUSED)$/.test(e.code ?? ''))
    return true
  return /Connection terminated|connection error and is not queryable|Client was closed|timeout expired/.test(e.message)
}

/** Whether a query's error is one that running the whole migration again may avoid. */
export function isContention(error: unknown): boolean {
  const e = error as Coded
  if (e.code === '55P03' || e.code === '40P01' || e.code === '40001') return true
  // Two that make the same thing at once do not see each other, whatever IF NOT EXISTS says; the second time one does.
  if (e.code === '23505' && e.schema === 'pg_catalog') return true
  return e.code === 'XX000' && /tuple concurrently updated/.test(e.message)
}
