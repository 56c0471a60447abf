import { Failure, failures } from '../errors.ts'
import { asRecorded } from '../history/as-recorded.ts'
import { refuseBelowFloor } from '../history/floors.ts'
import { neverRan, pendingAgain } from '../history/pending-again.ts'
import { type MismatchPolicy, type Plan, listIgnored, makePlan } from '../history/plan.ts'
import { type HistoryRow, readHistory } from '../history/rows.ts'
import { type Verified, readLastVerified } from '../history/runs.ts'
import { historyTables, requireTenant } from '../history/tables.ts'
import type { Bundle, Format, Identity, Kind } from '../migration.ts'
import { withLocalSettings } from '../postgres/local-settings.ts'
import { renderTable } from '../report/table.ts'
import { type Foreign, readForeign, refuseStrangersHistory } from '../run/adopt/foreign-history.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { mismatchPolicy } from '../run/mismatch-policy.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'

/** One line of the answer; `state` is what a person has to know of it. */
interface StatusRow {
  readonly kind: Kind
  readonly name: string
  readonly state:
    | 'applied'
    | 'baseline'
    | 'running'
    | 'pending'
    | 'deferred'
    | 'to adopt'
    | 'edited'
    | 'failed'
    | 'skipped'
    | 'out of order'
    | 'changed'
    | 'missing'
    | 'ignored'
    | 'ahead'
  /** Who has applied it, null when nobody has. */
  readonly by: string | null
  readonly appliedAt: string | null
  readonly durationMs: number | null
}

/** Answers with every migration, and the seeds when an environment is set; writes nothing and takes no lock. */
export async function status(run: Run): Promise<number> {
  const { config } = run
  const bundle = await openMigrationsOf(run)
  const seeds = await openSeedsOf(run)
  let below = false
  const { history, plan, foreign, verified } = await withServer(run, requireAnswer, async (session) => {
    const { role, searchPath } = config.target!
    const reader = withLocalSettings(session, { lockTimeoutMs: config.lockTimeoutMs, role, searchPath })
    const all = (await readHistory(reader, historyTables(session, config))) ?? []
    const made = makePlan(
      await bundle.list(),
      all.filter((row) => row.kind === 'migration'),
    )
    const isDone = made.pending.length + made.deferred.length === 0
    if (made.ahead.length > 0)
      await refuseBelowFloor(reader, historyTables(session, config), made.ahead).catch((error: unknown) => {
        below = true
        warnOf(run, error)
      })
    // What up would refuse does not read as nothing.
    if (all.length === 0)
      await requireTenant(reader, historyTables(session, config))
        .then(() => refuseStrangersHistory(run, reader, bundle))
        .catch((error: unknown) => warnOf(run, error))
    return {
      history: all,
      plan: made,
      verified: await readLastVerified(reader, historyTables(session, config)),
      foreign: isDone || made.ahead.length > 0 ? null : await readForeign(run, reader, bundle, all),
    }
  })
  const ofMigrations = history.filter((row) => row.kind === 'migration')
  const policy = mismatchPolicy(config, bundle)
  const seen = { plan, history: ofMigrations, foreign, ignored: listIgnored(plan, policy), format: bundle.format }
  const rows = [
    ...migrationRows(asRecorded(await bundle.list(), ofMigrations), seen),
    ...rowsAgain('repeatable', await bundle.listRepeatable(), seen, history),
    ...(seeds === null ? [] : rowsAgain('seed', await seeds.list(), seen, history)),
  ]
  const answer = { bundle, foreign, rows, verified, exit: below ? failures.MISMATCH.exit : exitCode(rows, policy) }
  run.answer(run.flags['json'] ? JSON.stringify(asJson(answer), null, 2) : asText(answer))
  return run.flags['exit-code'] ? answer.exit : 0
}

function warnOf(run: Run, error: unknown): void {
  if (!(error instanceof Failure)) throw error
  run.emit({ type: 'warning', message: `up ends with ${failures[error.code].exit}: ${error.message}` })
}

/** What the rows are made of. */
interface Seen {
  readonly plan: Plan
  readonly history: readonly HistoryRow[]
  readonly foreign: Foreign | null
  readonly ignored: readonly string[]
  readonly format: Format
}

function migrationRows(files: readonly Identity[], { plan, history, foreign, ignored, format }: Seen): StatusRow[] {
  const rows = new Map(history.map((row) => [row.name, row]))
  const theirs = new Map(foreign === null ? [] : foreignStates(foreign))
  const ofRow = (name: string, state: StatusRow['state']): StatusRow => {
    const row = rows.get(name)
    const one = line('migration', name, state, row)
    return row?.state === 'adopted' ? { ...one, by: format } : one
  }
  const deferred = new Set(plan.deferred.map(({ name }) => name))
  const ofFile = ({ name }: Identity): StatusRow => {
    const row = rows.get(name)
    const state = theirs.get(name)
    if (!row && state) return { ...line('migration', name, state), by: state === 'skipped' ? null : foreign!.from }
    if (!row && plan.outOfOrder.includes(name)) return line('migration', name, 'out of order')
    if (!row) return line('migration', name, deferred.has(name) ? 'deferred' : 'pending')
    const recorded = row.state === 'adopted' ? 'applied' : row.state
    return ofRow(name, plan.changed.includes(name) ? 'changed' : recorded)
  }
  return [
    ...files.map(ofFile),
    ...plan.missing.map((name) => ofRow(name, ignored.includes(name) ? 'ignored' : 'missing')),
    ...plan.ahead.map((name) => ofRow(name, 'ahead')),
  ]
}

/** Of what runs again whenever it has changed; of an image that the database is ahead of nothing does. */
function rowsAgain(
  kind: 'repeatable' | 'seed',
  all: readonly Identity[],
  { plan }: Seen,
  history: readonly HistoryRow[],
): StatusRow[] {
  const recorded = history.filter((row) => row.kind === kind)
  const rows = new Map(recorded.map((row) => [row.name, row]))
  const files = asRecorded(all, recorded)
  const again = new Set(pendingAgain(kind, files, history))
  const pending = new Set(plan.ahead.length > 0 ? neverRan([...again], recorded) : again)
  const stateOf = (file: Identity) => (pending.has(file) ? 'pending' : again.has(file) ? 'ahead' : 'applied')
  return files.map((file) => line(kind, file.name, stateOf(file), rows.get(file.name)))
}

function line(kind: StatusRow['kind'], name: string, state: StatusRow['state'], row?: HistoryRow): StatusRow {
  const by = row ? 'upfront' : null
  return { kind, name, state, by, appliedAt: row?.appliedAt ?? null, durationMs: row?.durationMs ?? null }
}

/** What the other tool's history says of migrations that ours does not have. */
function foreignStates({ match }: Foreign): [string, StatusRow['state']][] {
  const states = { adopted: 'to adopt', edited: 'edited', failed: 'failed', skipped: 'skipped' } as const
  return (Object.keys(states) as (keyof typeof states)[]).flatMap((key) =>
    match[key].map(({ name }): [string, StatusRow['state']] => [name, states[key]]),
  )
}

/** The answer: whose folder it is, what another tool's history says, and the rows. */
interface Answer {
  readonly bundle: Bundle
  readonly foreign: Foreign | null
  readonly rows: readonly StatusRow[]
  /** When the schema was last held against that of the bundle, and how it was. */
  readonly verified: Verified | null
  /** What `--exit-code` would end with. */
  readonly exit: number
}

function asText({ bundle, foreign, rows, verified }: Answer): string {
  // Whose they are is worth a column only where there is somebody else.
  const isOurs = bundle.format === 'plain' && foreign === null
  const cells = rows.map(({ kind, name, state, by, appliedAt, durationMs }) => [
    state,
    kind === 'seed' ? `seed ${name}` : name,
    ...(isOurs ? [] : [by ?? '']),
    appliedAt ?? '',
    durationMs === null ? '' : `${durationMs} ms`,
  ])
  const heads = ['state', 'name', ...(isOurs ? [] : ['by']), 'applied at', 'took']
  const whose = `a folder of ${bundle.format}${foreign === null ? '' : `; the history of ${foreign.from} is in ${foreign.history.table}`}`
  return `${isOurs ? '' : `${whose}\n`}${renderTable(cells, heads)}\n${summary(rows)}${verifiedText(verified)}`
}

function verifiedText(verified: Verified | null): string {
  if (verified === null) return ''
  return `\nschema verified ${verified.at}: ${verified.how === 'same' ? 'as the migrations make it' : verified.how}`
}

function summary(rows: readonly StatusRow[]): string {
  const counts = new Map<string, number>()
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts].map(([state, count]) => `${count} ${state}`).join(', ')
}

function asJson({ bundle, foreign, rows, verified, exit }: Answer): object {
  const of = (wanted: StatusRow['kind']) =>
    rows
      .filter(({ kind }) => kind === wanted)
      .map(({ name, state, by, appliedAt, durationMs }) => ({
        name,
        state: state.replaceAll(' ', '_'),
        by,
        applied_at: appliedAt,
        duration_ms: durationMs,
      }))
  const state = exit === 0 ? 'up_to_date' : exit === failures.PENDING.exit ? 'pending' : 'mismatch'
  const whose = { format: bundle.format, adopts: foreign?.history.table ?? null }
  return {
    state,
    bundle: bundle.digest,
    ...whose,
    migrations: of('migration'),
    repeatable: of('repeatable'),
    seeds: of('seed'),
    verified,
  }
}

function exitCode(rows: readonly StatusRow[], { outOfOrder }: Pick<MismatchPolicy, 'outOfOrder'>): number {
  const has = (...states: StatusRow['state'][]) => rows.some(({ state }) => states.includes(state))
  if (has('changed', 'missing', 'edited', 'failed', 'skipped') || (outOfOrder === 'error' && has('out of order')))
    return failures.MISMATCH.exit
  return has('pending', 'to adopt', 'out of order', 'running') ? failures.PENDING.exit : 0
}
