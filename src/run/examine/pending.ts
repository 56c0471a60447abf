import { Failure } from '../../errors.ts'
import { refuseUnadopted } from '../../history/adopt/refuse.ts'
import { type HistoryRow, isTakingBack } from '../../history/rows.ts'
import type { Migration, Seed } from '../../migration.ts'
import { refuseForeignTables } from '../migrate.ts'
import { stoppedHalfWay, takenBackHalfWay } from '../outside/module.ts'
import type { Run } from '../run.ts'
import { attempt, failuresOf } from './attempt.ts'
import { findForbidden } from './creations.ts'
import type { ExaminedFolder } from './folder.ts'
import type { Reader } from './reader.ts'
import { type MissingRight, type Rights, lacksRights } from './rights.ts'
import type { findStranger } from './their-history.ts'
import type { Work } from './work.ts'

/** What is known of the database when there is something to do. */
export interface Found {
  readonly work: Work
  /** null when our tables do not exist. */
  readonly history: readonly HistoryRow[] | null
  readonly rights: Rights
  readonly missing: readonly MissingRight[]
  readonly stranger: Awaited<ReturnType<typeof findStranger>>
}

/** What would stop up at what is pending, in the order in which up would meet it. */
export async function findFailures(
  run: Run,
  { session, pooler }: Reader,
  { bundle, seedBundle }: ExaminedFolder,
  { work, history, rights, missing, stranger }: Found,
): Promise<Failure[]> {
  const { config } = run
  if (bundle === null) return []
  const opened = await attempt(run, async () => {
    const all = [...(await bundle.open(work.migrations)), ...(await bundle.open(work.repeatable))]
    for (const one of [...all, ...((await seedBundle?.open(work.seeds)) ?? [])]) verify(one)
    return all
  })
  const migrations = 'done' in opened ? opened.done.slice(0, work.migrations.length) : []
  const isFirst = history === null && work.adopted.length === 0
  const isStrange = stranger !== null && bundle.format === 'plain' && config.format === 'auto' && config.adopt === null
  const foreign = isFirst && isStrange ? [refuseUnadopted(stranger)] : []
  // It asks with parameters, which a session that is shared cannot.
  const canAsk = isFirst && foreign.length === 0 && pooler !== 'shared' && pooler !== 'unproven'
  const filled = canAsk ? await attempt(run, () => refuseForeignTables(session, migrations)) : undefined
  const lacking = [lacksRights(session, rights, missing) ?? []].flat()
  const half = migrations.flatMap((one) => findHalfDone(one, history ?? []) ?? [])
  const forbidden = [(await findForbidden(session, rights, migrations)) ?? []].flat()
  const files = [...failuresOf([opened]), ...foreign, ...failuresOf([filled])]
  // What is adopted is recorded before the files are parsed.
  const tablesFirst = work.adopted.length > 0 ? [...lacking, ...files] : [...files, ...lacking]
  return [...tablesFirst, ...half, ...forbidden]
}

/** Reads all of it, because what is compiled is held against its checksum only when it is read. */
function verify({ script }: Migration | Seed): void {
  if (script.kind !== 'sql') script.verify?.()
  else for (const _ of script.chunks());
}

function findHalfDone(migration: Migration, history: readonly HistoryRow[]): Failure | undefined {
  const row = history.find(
    ({ kind, name, state }) => kind === 'migration' && name === migration.name && state === 'running',
  )
  if (!row) return undefined
  if (isTakingBack(row)) return takenBackHalfWay(migration)
  const goesOn = migration.script.kind === 'sql' && !migration.script.transaction
  return goesOn ? undefined : stoppedHalfWay(migration)
}
