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
  if (shadow) return inNewDatabase(run, shadow, emit, use)
  const { withEmbedded } = await import('../../embedded/with-embedded.ts')
  return withEmbedded((url) => {
    const target = parseConnection(url, {}, 'an embedded server')
    if (typeof target === 'string') throw new Error(target)
    return inNewDatabase(run, target, emit, use)
  })
}

async function inNewDatabase<T>(run: Run, server: Target, emit: Emit, use: (on: Run) => Promise<T>): Promise<T> {
  const name = `upfront_scratch_${randomBytes(6).toString('hex')}`
  // template0, because what somebody has put into template1 is not of these migrations.
  await execute(run, server, emit, `create database ${name} template template0`)
  try {
    return await use(elsewhere(run, inDatabase(server, name), emit))
  } finally {
    await execute(run, server, emit, `drop database if exists ${name} with (force)`)
  }
}

function inDatabase(target: Target, database: string): Target {
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
    target: { ...target, searchPath },
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
