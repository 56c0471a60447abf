import { failures } from '../errors.ts'
import { asRecorded } from '../history/as-recorded.ts'
import { pendingSeeds } from '../history/pending-seeds.ts'
import { type MismatchPolicy, type Plan, listIgnored, makePlan } from '../history/plan.ts'
import { type HistoryRow, readHistory } from '../history/rows.ts'
import { historyTables } from '../history/tables.ts'
import type { Identity } from '../migration.ts'
import { withLocalSettings } from '../postgres/local-settings.ts'
import { renderTable } from '../report/table.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'

/** One line of the answer; `state` is what a person has to know of it. */
interface StatusRow {
  readonly kind: 'migration' | 'seed'
  readonly name: string
  readonly state:
    'applied' | 'baseline' | 'running' | 'pending' | 'out of order' | 'changed' | 'missing' | 'ignored' | 'ahead'
  readonly appliedAt: string | null
  readonly durationMs: number | null
}

/** Answers with every migration, and the seeds when an environment is set; writes nothing and takes no lock. */
export async function status(run: Run): Promise<number> {
  const { config } = run
  const bundle = await openMigrationsOf(run)
  const seeds = await openSeedsOf(run)
  const history = await withServer(run, requireAnswer, async (session) => {
    const reader = withLocalSettings(session, { lockTimeoutMs: config.lockTimeoutMs, role: config.target!.role })
    return (await readHistory(reader, historyTables(session, config.schema))) ?? []
  })
  const ofMigrations = history.filter((row) => row.kind === 'migration')
  const plan = makePlan(await bundle.list(), ofMigrations)
  const rows = [
    ...migrationRows(asRecorded(await bundle.list(), ofMigrations), plan, ofMigrations, listIgnored(plan, config)),
    ...(seeds === null ? [] : seedRows(await seeds.list(), history)),
  ]
  run.answer(run.flags['json'] ? JSON.stringify(asJson(run, bundle.digest, rows), null, 2) : asText(rows))
  return run.flags['exit-code'] ? exitCode(rows, run.config) : 0
}

function migrationRows(
  files: readonly Identity[],
  plan: Plan,
  history: readonly HistoryRow[],
  ignored: readonly string[],
): StatusRow[] {
  const rows = new Map(history.map((row) => [row.name, row]))
  const ofFile = ({ name }: Identity): StatusRow => {
    const row = rows.get(name)
    if (!row) return line('migration', name, plan.outOfOrder.includes(name) ? 'out of order' : 'pending')
    const recorded = row.state === 'adopted' ? 'applied' : row.state
    return line('migration', name, plan.changed.includes(name) ? 'changed' : recorded, row)
  }
  return [
    ...files.map(ofFile),
    ...plan.missing.map((name) =>
      line('migration', name, ignored.includes(name) ? 'ignored' : 'missing', rows.get(name)),
    ),
    ...plan.ahead.map((name) => line('migration', name, 'ahead', rows.get(name))),
  ]
}

function seedRows(seeds: readonly Identity[], history: readonly HistoryRow[]): StatusRow[] {
  const ofSeeds = history.filter((row) => row.kind === 'seed')
  const rows = new Map(ofSeeds.map((row) => [row.name, row]))
  const files = asRecorded(seeds, ofSeeds)
  const pending = new Set(pendingSeeds(files, history))
  return files.map((file) => line('seed', file.name, pending.has(file) ? 'pending' : 'applied', rows.get(file.name)))
}

function line(kind: StatusRow['kind'], name: string, state: StatusRow['state'], row?: HistoryRow): StatusRow {
  return { kind, name, state, appliedAt: row?.appliedAt ?? null, durationMs: row?.durationMs ?? null }
}

function asText(rows: readonly StatusRow[]): string {
  const cells = rows.map(({ kind, name, state, appliedAt, durationMs }) => [
    state,
    kind === 'seed' ? `seed ${name}` : name,
    appliedAt ?? '',
    durationMs === null ? '' : `${durationMs} ms`,
  ])
  return `${renderTable(cells, ['state', 'name', 'applied at', 'took'])}\n${summary(rows)}`
}

function summary(rows: readonly StatusRow[]): string {
  const counts = new Map<string, number>()
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ')
}

function asJson(run: Run, digest: string, rows: readonly StatusRow[]): object {
  const of = (wanted: StatusRow['kind']) =>
    rows
      .filter(({ kind }) => kind === wanted)
      .map(({ name, state, appliedAt, durationMs }) => ({
        name,
        state: state.replaceAll(' ', '_'),
        applied_at: appliedAt,
        duration_ms: durationMs,
      }))
  const exit = exitCode(rows, run.config)
  const state = exit === 0 ? 'up_to_date' : exit === failures.PENDING.exit ? 'pending' : 'mismatch'
  return { state, bundle: digest, migrations: of('migration'), seeds: of('seed') }
}

function exitCode(rows: readonly StatusRow[], { outOfOrder }: Pick<MismatchPolicy, 'outOfOrder'>): number {
  const has = (...states: StatusRow['state'][]) => rows.some(({ state }) => states.includes(state))
  if (has('changed', 'missing') || (outOfOrder === 'error' && has('out of order'))) return failures.MISMATCH.exit
  return has('pending', 'out of order', 'running') ? failures.PENDING.exit : 0
}
