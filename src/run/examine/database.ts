import { describeTarget } from '../../config/database/target.ts'
import type { Failure } from '../../errors.ts'
import type { Session } from '../../postgres/session.ts'
import type { Run } from '../run.ts'
import { requireAnswer, requirePrimary, withServer } from '../server.ts'
import { attempt, failuresOf } from './attempt.ts'
import { type ComparedHistories, compareHistories, unknown } from './compare-histories.ts'
import type { ExaminedFolder } from './folder.ts'
import { type Reader, openReader } from './reader.ts'

/** What the database says. */
export interface ExaminedDatabase {
  readonly target: string
  /** The variable that names it. */
  readonly source: string
  /** null when it could not be reached. */
  readonly server: ExaminedServer | null
  /** Set when it does not exist and up would create it. */
  readonly isToCreate?: true
  /** What up would end with, in the order in which it would meet it. */
  readonly failures: readonly Failure[]
}

export interface ExaminedServer extends Omit<ComparedHistories, 'failures'> {
  readonly version: string
  /** `primary`, or what it says that takes no writes. */
  readonly state: string
  /** null when the server is too old to be asked. */
  readonly pooler: Reader['pooler'] | null
}

/** Looks at the database that is configured, null when none is; only reads, and does not wait for long. */
export async function examineDatabase(run: Run, folder: ExaminedFolder): Promise<ExaminedDatabase | null> {
  const { target, createDatabase } = run.config
  if (target === null) return null
  const named = { target: describeTarget(target), source: target.source }
  const looked = await attempt(run, () => withServer(run, requireAnswer, (session) => look(run, session, folder)))
  if ('done' in looked) return { ...named, ...looked.done }
  if (createDatabase && looked.failure.facts.sqlstate === '3D000')
    return { ...named, server: null, isToCreate: true, failures: [] }
  return { ...named, server: null, failures: [looked.failure] }
}

type Looked = Pick<ExaminedDatabase, 'server' | 'failures'>

async function look(run: Run, session: Session, folder: ExaminedFolder): Promise<Looked> {
  const primary = await attempt(run, () => requirePrimary(session))
  const server = { version: session.serverVersionText, state: primary.failure?.message ?? 'primary' }
  // Nothing is known of how to ask an older one.
  if (session.serverVersion < 140_000)
    return { server: { ...server, pooler: null, ...unknown }, failures: failuresOf([primary]) }
  const reader = await openReader(run, session)
  const { failures, ...found } = await compareHistories(run, reader, folder)
  const before = [...failuresOf([primary]), ...(reader.failure ? [reader.failure] : [])]
  return {
    server: { ...server, pooler: reader.pooler, ...found },
    failures: found.isComplete ? [] : [...before, ...failures],
  }
}
