import { loadParser, parseSql } from '../checks/check-down.ts'
import { Failure } from '../errors.ts'
import { halfDoneCommands } from '../history/repair/command.ts'
import { type HistoryRow, isTakingBack, recordReverted } from '../history/rows.ts'
import type { HistoryTables } from '../history/tables.ts'
import type { Bundle, Identity, Migration, ModuleScript, SqlScript } from '../migration.ts'
import { withLimits } from './apply/limits.ts'
import type { CodeBody, SqlBody, StepContext } from './apply/step.ts'
import { runInTransaction } from './apply/transaction.ts'
import type { Job } from './job.ts'
import { callModule, loadModule } from './modules/module.ts'
import { revertOutside } from './outside/revert.ts'

/** How one applied migration is taken back. */
export interface Down {
  readonly row: HistoryRow
  /** For messages: the file, or that it is the one in the history. */
  readonly file: string
  readonly source:
    { readonly kind: 'sql'; readonly sql: string } | { readonly kind: 'module'; readonly migration: ModuleDown }
}

type ModuleDown = Pick<Migration, 'name' | 'file' | 'allow'> & { readonly script: ModuleScript }

/**
 * The down of each, all of them found before the first one runs; throws REFUSED, naming every migration that has none.
 */
export async function findDowns(job: Job, rows: readonly HistoryRow[]): Promise<Down[]> {
  const files = new Map((await job.bundle.list()).map((migration) => [migration.name, migration]))
  const downs: Down[] = []
  const without: string[] = []
  for (const row of rows) {
    const down = await findDown(job.bundle, row, files.get(row.name.normalize('NFC')))
    if (down) downs.push(down)
    else without.push(row.name)
  }
  if (without.length === 0) return downs
  throw new Failure('REFUSED', 'there is no way back; nothing was changed', {
    list: without.map((name) => `${name}: neither its file nor the history has a down`),
    next: 'Write <name>.down.sql next to the migration, or go forward: a new migration that undoes it.',
  })
}

async function findDown(bundle: Bundle, row: HistoryRow, file: Identity | undefined): Promise<Down | null> {
  if (row.state === 'running' && !isTakingBack(row)) throw halfWay(row)
  // A file that is not what was applied may come with a down that does not fit.
  const same = file?.checksum === row.checksum ? file : undefined
  const { sql = null, module = null, allow = [] } = same ? await bundle.openDown(same) : {}
  if (same && sql !== null) return { row, file: `the down of ${same.file}`, source: { kind: 'sql', sql } }
  if (same && module && (await loadModule(module, same.file)).down) {
    const { name } = same
    return {
      row,
      file: same.file,
      source: { kind: 'module', migration: { name, file: same.file, script: module, allow } },
    }
  }
  return row.down === null
    ? null
    : { row, file: `the down of ${row.name} in the history`, source: { kind: 'sql', sql: row.down } }
}

/** Takes one back, together with its row; resolves with the milliseconds it took. */
export async function revert(run: StepContext, tables: HistoryTables, { row, file, source }: Down): Promise<number> {
  const record = recordReverted(run.session, tables, row.name)
  const step = { kind: 'migration', action: 'revert', name: row.name, file, ...record } as const
  if (source.kind === 'module') {
    const { allow } = source.migration
    return runInTransaction(run, { ...step, allow, body: await moduleBody(run, source.migration) })
  }
  await loadParser()
  const { statements, transaction, isolation, limits, allow, problems } = parseSql(file, source.sql)
  if (problems.length > 0) throw new Failure('INVALID', `${file} cannot be read; it was not taken back`, { problems })
  if (tables.tenant) await refuseForeignDrops(run, tables, { name: row.name, file, sql: source.sql }, statements)
  const body: SqlBody = {
    statements,
    isolation,
    limits,
    chunks: () => [{ sql: source.sql, line: 1, statements: statements.length }],
  }
  const isOutside = !transaction || statements.some(({ alone }) => alone)
  if (!isOutside) return runInTransaction(run, { ...step, allow, body })
  const watch = run.watch(() => row.name)
  const outside = { run: withLimits(run, limits), tables, row, name: row.name, file, text: source.sql, statements }
  return revertOutside(outside).finally(watch.stop)
}

/** What the tenant does not have any more may be in public, for all tenants. */
async function refuseForeignDrops(
  { session }: StepContext,
  tables: HistoryTables,
  { name, file, sql }: { readonly name: string; readonly file: string; readonly sql: string },
  statements: SqlScript['statements'],
): Promise<void> {
  const { findForeignDrops } = await import('./tenant/foreign-drops.ts')
  const script = { kind: 'sql', statements, read: () => sql } as const
  const problems = await findForeignDrops(session, tables, [{ name, file, script }])
  if (problems.length > 0) throw new Failure('INVALID', `${file} was not run; nothing was taken back`, { problems })
}

async function moduleBody(run: StepContext, { script, file, name }: ModuleDown): Promise<CodeBody> {
  const { down } = await loadModule(script, file)
  return { run: (session, signal) => callModule(down!, session, { name, emit: run.emit, signal, inTransaction: true }) }
}

function halfWay({ name }: HistoryRow): Failure {
  return new Failure('PARTIAL', `${name} stopped half way; its down is for the whole of it, so it was not run`, {
    list: halfDoneCommands(name),
    next: 'Finish it first: upfront up goes on where it stopped. Or, when it was completed or taken back by hand, run one of these.',
  })
}
