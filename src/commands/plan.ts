import { pendingAgain } from '../history/pending-again.ts'
import { listIgnored } from '../history/plan.ts'
import { halfDoneCommands } from '../history/repair/command.ts'
import { type HistoryRow, isTakingBack, readHistory } from '../history/rows.ts'
import { historyTables, requireTenant } from '../history/tables.ts'
import type { Kind, Migration, Seed } from '../migration.ts'
import { withLocalSettings } from '../postgres/local-settings.ts'
import { planMigrations } from '../run/adopt/plan-migrations.ts'
import { dueOf } from '../run/contract/due.ts'
import { openMigrationsOf, openSeedsOf } from '../run/folders.ts'
import { warnIgnored } from '../run/ignored.ts'
import { startJob } from '../run/job.ts'
import { countDone } from '../run/outside/outside-file.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import { splitAt, upTo } from '../run/up/up-to.ts'

/** One thing that `up` would run. */
interface PlannedFile {
  readonly kind: Kind
  readonly name: string
  readonly how: 'transaction' | 'statement by statement' | 'module' | 'copy'
  /** The first statement to run, from 1, of a file that stopped half way. */
  readonly from_statement: number
  readonly file: string
  readonly sql: string | null
  /** What has to hold behind it. */
  readonly assertion?: { readonly file: string; readonly sql: string }
}

/** Answers with the SQL that `up` would run, in order and how; touches nothing. */
export async function plan(run: Run): Promise<number> {
  const { config } = run
  const bundle = await openMigrationsOf(run)
  const seeds = await openSeedsOf(run)
  // What is wrong anywhere is known before anything is contacted.
  upTo(await bundle.list(), run.flags['to'])
  // In another tool's folder what was applied by hand may be what nothing here can run.
  if (bundle.format === 'plain') await bundle.open([...(await bundle.list()), ...(await bundle.listRepeatable())])
  if (seeds) await seeds.open(await seeds.list())
  const {
    history,
    planned: made,
    due,
    deferred: left,
  } = await withServer(run, requireAnswer, async (session) => {
    const { role, searchPath } = config.target!
    const reader = withLocalSettings(session, { lockTimeoutMs: config.lockTimeoutMs, role, searchPath })
    const tables = historyTables(session, config)
    const rows = (await readHistory(reader, tables)) ?? []
    if (rows.length === 0) await requireTenant(reader, tables)
    const planned = await planMigrations(run, reader, bundle, rows)
    const job = startJob(run, 'plan', bundle, seeds)
    return { history: rows, planned, ...(await dueOf(job, reader, tables, { ...planned, history: rows })) }
  })
  const { plan: found, foreign, policy } = made
  const { names: deferred } = left
  const adopted = [...(foreign?.match.adopted ?? []), ...(foreign?.repeatable ?? [])]
  warnIgnored({ run }, listIgnored(found, policy))
  const done = new Map(history.map((row) => [`${row.kind} ${row.name}`, row.statementsDone]))
  const { now, later } = splitAt(await bundle.list(), due, run.flags['to'])
  const migrations = await bundle.open(now)
  const again = pendingAgain('repeatable', await bundle.listRepeatable(), history).filter(
    (one) => !foreign?.repeatable.some(({ name }) => name === one.name),
  )
  const repeatable = later.length > 0 || found.ahead.length > 0 ? [] : await bundle.open(again)
  const pending = [
    ...migrations.map((one) => planned('migration', one, done.get(`migration ${one.name}`) ?? 0)),
    ...repeatable.map((one) => planned('repeatable', one, doneOf(one, history))),
    // As up does: seeds are for the whole schema, and for no other.
    ...(seeds === null || later.length > 0 || found.ahead.length > 0
      ? []
      : (await seeds.open(pendingAgain('seed', await seeds.list(), history))).map((one) => planned('seed', one, 0))),
  ]
  warnHalfDone(run, migrations, history)
  const heldBack = later.map(({ name }) => name)
  const adopts = adopted.map(({ name }) => name)
  const asData = {
    bundle: bundle.digest,
    ...(adopts.length > 0 ? { adopts } : {}),
    pending,
    ...(heldBack.length > 0 ? { held_back: heldBack } : {}),
    ...(deferred.length > 0 ? { deferred } : {}),
  }
  const waits =
    deferred.length === 0 ? '' : `\n-- deferred until nothing older is left (upfront contract): ${deferred.join(', ')}`
  const text = () => asText(pending, found.ahead, heldBack, adopts) + waits
  run.answer(run.flags['json'] ? JSON.stringify(asData, null, 2) : text())
  return 0
}

/** What `up` would refuse to run again, because nobody but its author knows how far it came. */
function warnHalfDone(run: Run, pending: readonly Migration[], history: readonly HistoryRow[]): void {
  const left = new Map(history.filter(({ kind, state }) => kind === 'migration' && state === 'running').map((row) => [row.name, row])) // prettier-ignore
  for (const { name, script } of pending) {
    const row = left.get(name)
    if (!row || (script.kind === 'sql' && !script.transaction && !isTakingBack(row))) continue
    const ways = halfDoneCommands(name).join('; ')
    run.emit({ type: 'warning', message: `${name} stopped half way, so up refuses it until that is settled; ${ways}` })
  }
}

/** How much of a repeatable one that stopped half way is not to run again. */
function doneOf({ name, script }: Migration, history: readonly HistoryRow[]): number {
  const left = history.find((row) => row.kind === 'repeatable' && row.name === name && row.state === 'running')
  if (!left || script.kind !== 'sql' || script.transaction) return 0
  return countDone(script, script.read(), left) ?? 0
}

function planned(kind: PlannedFile['kind'], one: Migration | Seed, statementsDone: number): PlannedFile {
  const { name, file, script } = one
  const sql = script.kind === 'sql' ? script.read() : null
  const how =
    script.kind === 'module' ? 'module'
    : script.kind === 'csv' ? 'copy'
    : script.transaction ? 'transaction'
    : 'statement by statement' // prettier-ignore
  const asserted = 'assertion' in one && one.assertion
  const assertion = asserted ? { assertion: { file: asserted.file, sql: asserted.script.read() } } : {}
  return { kind, name, how, from_statement: statementsDone + 1, file, sql, ...assertion }
}

function asText(
  pending: readonly PlannedFile[],
  ahead: readonly string[],
  heldBack: readonly string[],
  adopts: readonly string[],
): string {
  if (adopts.length > 0)
    return `-- recorded as applied, because another tool has: ${adopts.join(', ')}\n${asText(pending, ahead, heldBack, [])}`
  if (heldBack.length > 0) return `${asText(pending, ahead, [], [])}\n-- held back: ${heldBack.join(', ')}`
  if (pending.length === 0) {
    return ahead.length === 0
      ? '-- nothing is pending'
      : `-- nothing is pending; the database is ahead: ${ahead.join(', ')}`
  }
  return pending
    .map(({ kind, name, how, from_statement, file, sql, assertion }) => {
      const from = from_statement > 1 ? `, from statement ${from_statement} on` : ''
      const body = sql === null ? `-- runs ${file}` : sql.trimEnd()
      const then = assertion ? `-- and then ${assertion.file} has to hold\n${assertion.sql.trimEnd()}\n` : ''
      return `-- ${kind} ${name} (${how}${from})\n${body}\n${then}`
    })
    .join('\n')
}
