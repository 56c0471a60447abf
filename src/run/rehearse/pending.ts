import type { HistoryRow } from '../../history/rows.ts'
import { historyTables, requireTenant } from '../../history/tables.ts'
import type { Bundle, Identity } from '../../migration.ts'
import { withLocalSettings } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import { startJob } from '../job.ts'
import type { Run } from '../run.ts'
import { requireAnswer, withServer } from '../server.ts'
import { type Work, findWork } from '../up/work.ts'
import type { PendingMigration } from './rehearsing.ts'
import { type Surroundings, readSurroundings } from './surroundings.ts'

/** What the target has, and what is to come; nothing is written there, and nothing locked. */
export interface TargetState {
  readonly pending: readonly PendingMigration[]
  /** What it has applied already, of the files that there are. */
  readonly applied: { readonly migrations: readonly Identity[]; readonly repeatable: readonly Identity[] }
  /** What it has applied and the bundle does not have. */
  readonly missing: readonly string[]
  /** The same, and the bundle is the older one: nothing is pending then. */
  readonly ahead: readonly string[]
  /** Repeatable migrations that it has with an earlier content. */
  readonly changed: readonly string[]
  readonly halfDone: readonly string[]
  /** As Postgres says it. */
  readonly server: string
  readonly surroundings: Surroundings
}

/** Asks the target what is pending, as plan does; throws what up would refuse, and opens what is pending. */
export async function findPending(run: Run, bundle: Bundle): Promise<TargetState> {
  const { work, server, surroundings } = await withServer(run, requireAnswer, async (session) => {
    const reader = localReader(run, session)
    const tables = historyTables(session, run.config)
    await requireTenant(reader, tables)
    const found = await findWork(startJob(run, 'rehearse', bundle, null), reader, tables)
    return { work: found, server: session.serverVersionText, surroundings: await readSurroundings(reader) }
  })
  const migrations = await bundle.open(work.migrations)
  const repeatable = await bundle.open(work.repeatable)
  const all = await bundle.list()
  const rows = work.history.filter(({ state }) => state !== 'running')
  const isDone = appliedOnTarget(work, rows)
  const pendingAgain = new Set(work.repeatable.map(({ name }) => name))
  const recorded = new Set(rows.filter(({ kind }) => kind === 'repeatable').map(({ name }) => name))
  return {
    pending: [
      ...migrations.map((one) => ({ kind: 'migration', one }) as const),
      ...repeatable.map((one) => ({ kind: 'repeatable', one }) as const),
    ],
    applied: {
      migrations: all.filter(isDone),
      repeatable: (await bundle.listRepeatable()).filter(({ name }) => recorded.has(name) && !pendingAgain.has(name)),
    },
    missing: missingFiles(all, rows),
    ahead: work.ahead,
    changed: [...pendingAgain].filter((name) => recorded.has(name)),
    halfDone: work.history
      .filter(({ state, kind }) => state === 'running' && kind === 'migration')
      .map(({ name }) => name),
    server,
    surroundings,
  }
}

/** The session for questions to the target that leave no trace on it. */
export function localReader({ config }: Run, session: Session): Session {
  const { role, searchPath } = config.target!
  return withLocalSettings(session, { lockTimeoutMs: config.lockTimeoutMs, role, searchPath, readOnly: true })
}

/** By our history, or by that of another tool which is still to be taken over. */
function appliedOnTarget(work: Work, rows: readonly HistoryRow[]) {
  const names = [
    ...rows.filter(({ kind }) => kind === 'migration').map(({ name }) => name),
    ...(work.foreign?.match.adopted ?? []).map(({ name }) => name),
  ]
  const done = new Set(names.map((name) => name.normalize('NFC')))
  return ({ name }: Identity) => done.has(name.normalize('NFC'))
}

function missingFiles(all: readonly Identity[], rows: readonly HistoryRow[]): string[] {
  const files = new Set(all.map(({ name }) => name.normalize('NFC')))
  return rows.flatMap(({ kind, name }) => (kind === 'migration' && !files.has(name.normalize('NFC')) ? [name] : []))
}
