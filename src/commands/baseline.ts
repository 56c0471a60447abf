import { noteFloors } from '../history/floors.ts'
import { halfDoneCommands } from '../history/repair/command.ts'
import { type HistoryRow, insertBaseline, readHistory } from '../history/rows.ts'
import { finishRun, startRun } from '../history/runs.ts'
import { createTables, historyTables } from '../history/tables.ts'
import type { Bundle, Identity } from '../migration.ts'
import { withLock } from '../postgres/lock.ts'
import type { Session } from '../postgres/session.ts'
import { openMigrationsOf } from '../run/folders.ts'
import { keepDowns } from '../run/adopt/keep-downs.ts'
import type { Run } from '../run/run.ts'
import { announce, requirePrimary, withServer } from '../run/server.ts'
import { openStepContext } from '../run/step-context.ts'
import { upTo } from '../run/up/up-to.ts'
import { proveApplied } from '../run/verify/prove.ts'
import { version } from '../version.ts'

/** Records the migrations up to `--to` as applied without running them, for a database that others have filled. */
export async function baseline(run: Run): Promise<number> {
  const { config, emit, signal } = run
  const bundle = await openMigrationsOf(run)
  const migrations = upTo(await bundle.list(), run.flags['to'])
  announce(run, 'baseline', bundle)
  const begun = performance.now()
  await withServer(run, requirePrimary, async (session) => {
    const on = await openStepContext(run, session)
    const lock = { key: on.lockKey, waitMs: config.lockWaitMs, wait: run.lockWait, emit, signal }
    const recorded = await withLock(
      session,
      lock,
      async () => false,
      () => record(run, session, bundle, migrations),
    )
    emit({
      type: 'done',
      applied: 0,
      seeded: 0,
      reverted: 0,
      recorded: recorded!,
      elapsedMs: performance.now() - begun,
    })
  })
  return 0
}

async function record(run: Run, session: Session, bundle: Bundle, migrations: readonly Identity[]): Promise<number> {
  const { config, emit, io } = run
  const tables = historyTables(session, config)
  const rows = await readHistory(session, tables)
  if (!run.flags['against-catalog']) await proveApplied(run, session, bundle, migrations)
  if (rows === null) await createTables(session, tables)
  const known = new Set(rows?.filter((row) => row.kind === 'migration').map((row) => row.name.normalize('NFC')))
  const missing = await keepDowns(
    run,
    bundle,
    migrations.filter(({ name }) => !known.has(name.normalize('NFC'))),
  )
  await session.query('begin')
  try {
    const { environment } = config
    const record = { command: 'baseline', bundle: null, seed: null, environment, version, host: io.hostname }
    const id = await startRun(session, tables, record)
    for (const migration of missing) await insertBaseline(session, tables, migration, id)
    await noteFloors(
      session,
      tables,
      missing.flatMap(({ name, contract }) => (contract ? [name] : [])),
    )
    await finishRun(session, tables, id, { outcome: 'done' })
    await session.query('commit')
  } catch (error) {
    await session.query('rollback').catch(() => {})
    throw error
  }
  for (const { name } of missing) emit({ type: 'baselined', name })
  warnOfHalfDone(run, rows ?? [], migrations)
  return missing.length
}

/** Warns of those that stopped half way: how far they came is for a repair to say, not for a baseline. */
function warnOfHalfDone({ emit }: Run, rows: readonly HistoryRow[], migrations: readonly Identity[]): void {
  const named = new Set(migrations.map(({ name }) => name.normalize('NFC')))
  for (const { kind, name, state } of rows) {
    if (kind !== 'migration' || state !== 'running' || !named.has(name.normalize('NFC'))) continue
    const ways = halfDoneCommands(name).join('; ')
    emit({ type: 'warning', message: `${name} stopped half way and was left as it is; ${ways}` })
  }
}
