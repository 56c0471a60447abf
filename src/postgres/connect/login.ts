import type { Duplex } from 'node:stream'
import type pg from 'pg'
import type { AuthMethod, Target } from '../../config/database/target.ts'

/** We, not the server, ended the login; `next` is what to do about it. */
export class LoginRefused extends Error {
  readonly code = 'LOGIN_REFUSED'
  readonly next: string

  constructor(message: string, next: string) {
    super(message)
    this.name = 'LoginRefused'
    this.next = next
  }
}

/** What pg has to be given so that a login goes as the target demands. */
export interface Login {
  /** Called by pg when the server asks for it; rejects when it must not be sent. */
  readonly password: () => string
  /** For pg, whose types lack the second of them. */
  readonly options: { readonly enableChannelBinding: boolean; readonly scramMaxIterations: number }
  /** Begins to watch; to be called before the client connects. */
  watch(client: pg.Client): void
}

/** The events of pg's connection and the state of its SCRAM exchange, which its types leave out. */
interface Inside {
  readonly connection: NodeJS.EventEmitter
  readonly saslSession?: { readonly mechanism: string } | null
}

type Demands = Pick<Target, 'channelBinding' | 'requireAuth' | 'password'>

/**
 * A login with libpq's channel_binding and require_auth, which pg does not know: it refuses before a password or a
 * proof is sent, and also when the server lets us in for less than was demanded.
 */
export function makeLogin(demands: Demands, socket: Duplex): Login {
  const { channelBinding, requireAuth, password } = demands
  const isEncrypted = 'getPeerCertificate' in socket
  let refusal: LoginRefused | undefined
  let wasAsked = false
  // Without its socket pg cannot answer the next request with the password.
  const refuse = (found: LoginRefused | undefined) => {
    if (found !== undefined) socket.destroy((refusal ??= found))
  }
  const judge = (asked: AuthMethod, mechanisms: readonly string[] = []) => {
    wasAsked = true
    refuse(refuseMethod(asked, requireAuth) ?? refuseUnbound(channelBinding, isEncrypted, mechanisms))
    if (asked === 'oauth') refuse(unsupported(mechanisms))
  }
  return {
    // A server may be set to many more iterations than pg takes; a bound remains for one that wants to keep us busy.
    options: { enableChannelBinding: isEncrypted && channelBinding !== 'disable', scramMaxIterations: 10_000_000 },
    password: () => {
      if (refusal !== undefined) throw refusal
      if (!password) throw new Error('SASL: client password must be a non-empty string')
      return password
    },
    watch: (client) => {
      const inside = client as unknown as Inside
      const { connection } = inside
      let mechanism = ''
      connection.on('authenticationCleartextPassword', () => judge('password'))
      connection.on('authenticationMD5Password', () => judge('md5'))
      connection.on('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) =>
        judge(mechanisms.some((name) => /^SCRAM-SHA-256(-PLUS)?$/.test(name)) ? 'scram-sha-256' : 'oauth', mechanisms),
      )
      connection.on('authenticationSASLContinue', () => (mechanism = inside.saslSession?.mechanism ?? ''))
      connection.on('authenticationOk', () => {
        if (!wasAsked) refuse(refuseMethod('none', requireAuth))
        // pg forgets the exchange when the server has proved that it knows the password too.
        const proved = inside.saslSession === null ? mechanism : ''
        refuse(refuseUnproved(demands, mechanism, proved))
      })
    },
  }
}

const middle = 'Look what stands between us and the server: a proxy or pooler that ends TLS makes this impossible.'
const words: Readonly<Record<AuthMethod, string>> = {
  password: 'a cleartext password',
  md5: 'a password hashed by MD5',
  'scram-sha-256': 'SCRAM-SHA-256',
  gss: 'GSSAPI',
  sspi: 'SSPI',
  oauth: 'OAuth',
  none: 'no login at all',
}

function refuseMethod(asked: AuthMethod, allowed: readonly AuthMethod[] | undefined): LoginRefused | undefined {
  if (allowed === undefined || allowed.includes(asked)) return undefined
  return new LoginRefused(
    `the server asks for ${words[asked]}, and require_auth takes only ${allowed.join(', ') || 'nothing'}`,
    'Change pg_hba.conf or the password_encryption of the role, or require_auth (PGREQUIREAUTH).',
  )
}

function refuseUnbound(
  channelBinding: Target['channelBinding'],
  isEncrypted: boolean,
  mechanisms: readonly string[],
): LoginRefused | undefined {
  if (channelBinding !== 'require') return undefined
  if (!isEncrypted) {
    const next = 'Set sslmode=require and turn TLS on at the server, or set channel_binding=prefer.'
    return new LoginRefused('channel_binding=require needs TLS, and this connection has none', next)
  }
  if (mechanisms.includes('SCRAM-SHA-256-PLUS')) return undefined
  return new LoginRefused('channel_binding=require, and the server offers no login that is bound to its TLS', middle)
}

/** The login ended without a complete SCRAM: by trust, by a certificate, or because this is not the server. */
function refuseUnproved(
  { channelBinding, requireAuth }: Demands,
  begun: string,
  proved: string,
): LoginRefused | undefined {
  if (channelBinding === 'require' && proved !== 'SCRAM-SHA-256-PLUS') {
    return new LoginRefused('channel_binding=require, and the server let us in without it', middle)
  }
  if (requireAuth === undefined || begun === proved) return undefined
  return new LoginRefused('the server let us in without a proof that it knows the password', middle)
}

function unsupported(mechanisms: readonly string[]): LoginRefused {
  return new LoginRefused(
    `the server asks for a login by ${mechanisms.join(', ') || 'SASL'}, which is not supported here`,
    'Give this role another way in: a line for it in pg_hba.conf with scram-sha-256 (or cert), before the one that is met now.',
  )
}

/**
 * Whether it is the certificate that a login cannot be bound to, because pg or the server knows no digest for the kind of
 * its signature (RSA-PSS, Ed25519); what the server says of it is never translated.
 */
export function isUnbindable(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'XX000') return /could not find digest|certificate signature algorithm/.test(message ?? '')
  return message?.startsWith('SASL channel binding:') ?? false
}

/**
 * Lets what pg's parser throws at an unknown message end this login instead of the process; returns a function that
 * stops this.
 */
export function catchParserErrors(client: pg.Client, socket: Duplex): () => void {
  const { connection } = client as unknown as Inside
  const parse = socket.listeners('data').at(-1) as (chunk: Buffer) => void
  const guarded = (chunk: Buffer) => {
    try {
      parse(chunk)
    } catch (error) {
      connection.emit('error', error)
    }
  }
  socket.off('data', parse).on('data', guarded)
  return () => void socket.off('data', guarded).on('data', parse)
}
