import { Failure } from '../../errors.ts'
import { refuseUnadopted } from '../../history/adopt/refuse.ts'
import { type HistoryRow, isTakingBack } from '../../history/rows.ts'
import type { Bundle, Migration, Seed, SeedBundle } from '../../migration.ts'
import { refuseForeignTables } from '../adopt/refuse-foreign-tables.ts'
import { stoppedHalfWay, takenBackHalfWay } from '../outside/module.ts'
import type { Run } from '../run.ts'
import { type Attempt, attempt, failuresOf } from './attempt.ts'
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
  { session, own }: Pick<Reader, 'session' | 'own'>,
  { bundle, seedBundle }: ExaminedFolder,
  { work, history, rights, missing, stranger }: Found,
): Promise<Failure[]> {
  const { config } = run
  if (bundle === null) return []
  const opened = await openPending(run, { bundle, seedBundle }, work)
  const migrations = 'done' in opened ? opened.done : []
  const isFirst = history === null
  const isAsked = isFirst && config.format === 'auto' && config.adopt === null
  const foreign = isAsked && stranger !== null ? [refuseUnadopted(stranger)] : []
  // It asks with parameters.
  const canAsk = isFirst && foreign.length === 0 && own !== null
  const filled = canAsk ? await attempt(run, () => refuseForeignTables(run.config, own, migrations)) : undefined
  const lacking = [lacksRights(session, rights, missing) ?? []].flat()
  const half = migrations.flatMap((one) => findHalfDone(one, history ?? []) ?? [])
  const forbidden = [(await findForbidden(session, rights, migrations)) ?? []].flat()
  const files = [...foreign, ...failuresOf([opened, filled])]
  return [...files, ...lacking, ...half, ...forbidden]
}

/** What up would end with at these files on an empty database; none where it would not even list them. */
export async function findFailuresOfFiles(run: Run, { bundle, seedBundle }: ExaminedFolder): Promise<Failure[]> {
  if (bundle === null) return []
  const all = {
    migrations: await bundle.list(),
    repeatable: await bundle.listRepeatable(),
    seeds: (await seedBundle?.list()) ?? [],
  }
  return failuresOf([await openPending(run, { bundle, seedBundle }, all)])
}

interface Bundles {
  readonly bundle: Bundle
  readonly seedBundle: SeedBundle | null
}

/** Opens everything as up does before it runs the first; resolves with the migrations. */
function openPending(
  run: Run,
  { bundle, seedBundle }: Bundles,
  pending: Pick<Work, 'migrations' | 'repeatable' | 'seeds'>,
): Promise<Attempt<readonly Migration[]>> {
  return attempt(run, async () => {
    const migrations = await bundle.open(pending.migrations)
    const others = [...(await bundle.open(pending.repeatable)), ...((await seedBundle?.open(pending.seeds)) ?? [])]
    for (const one of [...migrations, ...others]) verify(one)
    return migrations
  })
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
