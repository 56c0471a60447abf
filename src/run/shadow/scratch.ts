import { randomBytes } from 'node:crypto'
import { parseConnection } from '../../config/database/connection.ts'
import type { Target } from '../../config/database/target.ts'
import type { Emit } from '../../events.ts'
import { noWait } from '../../postgres/lock.ts'
import { newRunConnection } from '../connection.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'

/**
 * Runs `use` with a run like this one whose database is empty, of its own, and gone afterwards: on the server that
 * UPFRONT_SHADOW_DATABASE_URL names, else on an embedded one; what happens in it is told to `emit`.
 */
export async function withScratchDatabase<T>(run: Run, emit: Emit, use: (on: Run) => Promise<T>): Promise<T> {
  const { shadow } = run.config
  if (shadow) return inNewDatabase(run, { server: shadow, template: empty }, emit, use)
  const { withEmbedded } = await import('../../embedded/with-embedded.ts')
  return withEmbedded((url) => {
    const target = parseConnection(url, {}, 'an embedded server')
    if (typeof target === 'string') throw new Error(target)
    return inNewDatabase(run, { server: target, template: empty }, emit, use)
  })
}

/** Where somebody may have put something into template1. */
const empty = 'template0'

/** Where a database is made, and of what: a template that is quoted already. */
export interface Scratch {
  readonly server: Target
  readonly template: string
}

/** The same on that server, in a copy of that template. */
export async function inNewDatabase<T>(
  run: Run,
  { server, template }: Scratch,
  emit: Emit,
  use: (on: Run) => Promise<T>,
): Promise<T> {
  const name = scratchName(run)
  try {
    await execute(run, server, emit, `create database ${name} template ${template}`)
    return await use(elsewhere(run, inDatabase(server, name), emit))
  } finally {
    // A run that is to stop takes away what it has made all the same.
    const last = { ...run, signal: AbortSignal.timeout(dropTimeoutMs) }
    await execute(last, server, emit, `drop database if exists ${name} with (force)`)
  }
}

const dropTimeoutMs = 30_000

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

async function execute(run: Run, target: Target, emit: Emit, sql: string): Promise<void> {
  await withServer(elsewhere(run, target, emit), requirePrimary, (session) => session.query(sql))
}

/** The same run on another database, which is nobody's: no seeds, no other tool's history, no flags. */
export function elsewhere(run: Run, target: Target, emit: Emit): Run {
  const { searchPath } = run.config.target ?? {}
  const config = {
    ...run.config,
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
