import { randomBytes } from 'node:crypto'
import { parseConnection } from '../../config/database/connection.ts'
import { type Target, describeTarget } from '../../config/database/target.ts'
import { imageName } from '../../config/settings.ts'
import { Failure } from '../../errors.ts'
import type { Emit } from '../../events.ts'
import { noWait } from '../../postgres/lock.ts'
import type { Session } from '../../postgres/session.ts'
import { newRunConnection } from '../connection.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import { claim, dropAbandoned, mark } from './abandoned.ts'

/**
 * Runs `use` with a run like this one whose database is empty, of its own, in that encoding, and gone afterwards: on the server that
 * UPFRONT_SHADOW_DATABASE_URL names, else on an embedded one; what happens in it is told to `emit`.
 */
export async function withScratchDatabase<T>(
  run: Run,
  emit: Emit,
  use: (on: Run) => Promise<T>,
  encoding?: string,
): Promise<T> {
  const { shadow } = run.config
  if (shadow) return inNewDatabase(run, { server: shadow, template: empty, encoding }, emit, use)
  if (run.io.env[imageName]) throw nothingToTryOn()
  const { withEmbedded } = await import('../../embedded/with-embedded.ts')
  return withEmbedded((url) => {
    const target = parseConnection(url, {}, 'an embedded server')
    if (typeof target === 'string') throw new Error(target)
    return inNewDatabase(run, { server: target, template: empty, encoding }, emit, use)
  })
}

/** What npm can install is no advice inside of the image. */
function nothingToTryOn(): Failure {
  return new Failure('USAGE', 'there is no server on which the migrations could be tried: this image has no Postgres', {
    next:
      'Name one on which databases may be made: UPFRONT_SHADOW_DATABASE_URL. The schema of migrations is found out in a ' +
      'build stage FROM upfront:compiler; rehearse can do with --clone or --on-target.',
  })
}

/** Where somebody may have put something into template1. */
const empty = 'template0'

/** Where a database is made, and of what: a template that is quoted already. */
export interface Scratch {
  readonly server: Target
  readonly template: string
  /** As Postgres calls it; undefined for that of the template. */
  readonly encoding?: string | undefined
}

/** The same on that server, in a copy of that template. */
export async function inNewDatabase<T>(
  run: Run,
  { server, template, encoding }: Scratch,
  emit: Emit,
  use: (on: Run) => Promise<T>,
): Promise<T> {
  const name = scratchName(run)
  let mayBeThere = false
  const create = async (session: Session) => {
    await unbound(session)
    await dropAbandoned(session, emit)
    await claim(session, name)
    mayBeThere = true
    await createDatabase(session, `create database ${name} template ${template}`, encoding).catch((error: unknown) => {
      throw mayNot(session, server, error)
    })
    await mark(session, name)
  }
  // A run that is to stop takes away what it has made all the same.
  const drop = () =>
    execute({ ...run, signal: endsWithin(dropTimeoutMs) }, server, emit, (session) => dropScratch(session, name))
  try {
    const on = elsewhere(run, inDatabase(server, name), emit)
    // The session stays, because by that others know that the database is in use.
    const used = await execute(run, server, emit, async (session) => {
      await create(session)
      return (await mayHaveAnother(session)) ? { result: await use(on) } : null
    })
    return used === null ? await use(on) : used.result
  } finally {
    // What went wrong first, or what was found out, is what has to be told.
    if (mayBeThere)
      await drop().catch((error: unknown) => run.emit({ type: 'warning', message: left(name, server, error) }))
  }
}

/** Whether the role may connect twice at once; where it may not, no other run of it can take anything away either. */
async function mayHaveAnother(session: Session): Promise<boolean> {
  const [row] = await session.query<{ limited: boolean }>(
    'select rolconnlimit = 1 as limited from pg_catalog.pg_roles where rolname = session_user',
  )
  return row?.limited !== true
}

/** In that encoding, with whatever locale the server has for it. */
async function createDatabase(session: Session, sql: string, encoding: string | undefined): Promise<void> {
  if (encoding === undefined) return void (await session.query(sql))
  const [row] = await session.query<{ own: string }>(
    `select pg_catalog.pg_encoding_to_char(encoding) as own from pg_catalog.pg_database where datname = '${empty}'`,
  )
  if (row!.own === encoding) return void (await session.query(sql))
  const inIt = `${sql} encoding ${session.client.escapeLiteral(encoding)}`
  try {
    await session.query(inIt)
  } catch (error) {
    if ((error as { code?: string }).code !== '22023') throw error
    await session.query(`${inIt}${session.serverVersion >= 150_000 ? ' locale_provider libc' : ''} locale 'C'`)
  }
}

/** What the role or the server bounds is meant for queries, not for copying or dropping a database, nor for waiting meanwhile. */
async function unbound(session: Session): Promise<void> {
  const names = ['statement_timeout', 'lock_timeout', 'idle_session_timeout']
  if (session.serverVersion >= 170_000) names.push('transaction_timeout')
  await session.query(`select ${names.map((one) => `pg_catalog.set_config('${one}', '0', false)`).join(', ')}`)
}

async function dropScratch(session: Session, name: string): Promise<void> {
  await unbound(session)
  try {
    await session.query(`drop database if exists ${name} with (force)`)
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    // Somebody is connected whom this role may not end, and who may go of himself.
    await session.query(`drop database if exists ${name}`)
  }
}

/** Anything but a missing privilege means what it always does. */
function mayNot(session: Session, server: Target, error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string }
  if (code !== '42501') return error
  const what = `the role ${server.user} may not create a database on ${describeTarget(server)} to try the migrations on`
  const next = `As a superuser: alter role ${session.client.escapeIdentifier(server.user)} createdb; or name another server: UPFRONT_SHADOW_DATABASE_URL.`
  return new Failure('DENIED', what, { sqlstate: code, reason: message, next }, error)
}

const dropTimeoutMs = 30_000

function endsWithin(ms: number): AbortSignal {
  const controller = new AbortController()
  const late = new Failure('LOST', `the scratch database was not dropped within ${ms / 1000} s`, {
    next: 'Look at that server, and drop the database there.',
  })
  setTimeout(() => controller.abort(late), ms).unref()
  return controller.signal
}

function left(name: string, server: Target, error: unknown): string {
  const { reason, sqlstate } = error instanceof Failure ? error.facts : {}
  const why = [sqlstate, reason ?? (error as Error).message].filter((one) => one !== undefined).join(' ')
  return `the database ${name} may be left on ${describeTarget(server)} (${why}): drop database if exists ${name} with (force);`
}

/** Whoever finds one on the server sees for which database it was made. */
function scratchName({ config: { target } }: Run): string {
  const of = target?.database.toLowerCase().replace(/[^a-z0-9]/g, '_')
  const random = randomBytes(6).toString('hex')
  return ['upfront_scratch', ...(of === undefined ? [] : [of.slice(0, 30)]), random].join('_')
}

/** The same server, another of its databases. */
export function inDatabase(target: Target, database: string): Target {
  const { renew } = target
  return { ...target, database, ...(renew ? { renew: async (at) => ({ ...(await renew(at)), database }) } : {}) }
}

async function execute<T>(run: Run, target: Target, emit: Emit, work: (session: Session) => Promise<T>): Promise<T> {
  return withServer(elsewhere(run, target, emit), requirePrimary, work)
}

/** The same run on another database, which is nobody's: no seeds, no other tool's history, no flags. */
export function elsewhere(run: Run, target: Target, emit: Emit): Run {
  const { searchPath } = run.config.target ?? {}
  const config = {
    ...run.config,
    // Nobody else ever uses it, so everything runs in its order.
    contract: 'always' as const,
    // Else where the server's own URL says.
    target: { ...target, searchPath: searchPath ?? target.searchPath },
    seed: null,
    environment: 'test',
    adopt: null,
    writeBack: false,
    verify: 'off',
  } as const
  const own = {
    phase: { current: 'waiting for the server' },
    lockWait: noWait(),
    connection: newRunConnection(),
  } as const
  return { ...run, ...own, config, flags: {}, emit, signal: run.signal }
}
