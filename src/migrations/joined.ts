import type { Failure } from '../errors.ts'
import { isConnectionLost } from '../postgres/classify.ts'
import { ScriptError, rollBack, runScript } from '../postgres/script.ts'
import { type HistoryRow, insertAppliedSql } from './history.ts'
import type { Migration, SqlScript } from './migration.ts'
import { collectNotices } from './notices.ts'
import { lostConnection, unknownEnd } from './step-failures.ts'
import type { StepRun } from './step.ts'
import type { HistoryTables } from './tables.ts'

/** A migration that may share a message. */
export interface Joinable {
  readonly migration: Migration
  readonly script: SqlScript
}

const messageBytes = 64 * 1024

/** The first of these migrations that may go together in one message; fewer than two are not worth one. */
export function takeJoinable(migrations: readonly Migration[], history: readonly HistoryRow[]): Joinable[] {
  const left = new Set(history.map(({ kind, name }) => `${kind} ${name}`))
  const taken: Joinable[] = []
  let bytes = 0
  for (const migration of migrations) {
    const { script } = migration
    if (script.kind !== 'sql' || !script.joinable || !script.transaction) break
    if (left.has(`migration ${migration.name}`)) break
    bytes += script.size
    if (bytes > messageBytes) break
    taken.push({ migration, script })
  }
  return taken
}

/**
 * Runs several small migrations in one message, each with a transaction, a lock assertion and a history row of its own;
 * only the last commit waits for the disk, and with it the ones before. Tells of each as its COMMIT is answered, the
 * last one flushed. Returns how many committed: when that is not all, the next one failed and should be run alone, which
 * says why. Throws LOST, or the signal's reason.
 */
export async function runJoined(
  run: StepRun,
  tables: HistoryTables,
  joined: readonly Joinable[],
  runId: string,
  onApplied: (migration: Migration, durationMs: number) => void,
): Promise<number> {
  const { session, signal } = run
  signal.throwIfAborted()
  const ends: number[] = []
  const committed: { migration: Migration; durationMs: number }[] = []
  let message = ''
  let statements = 0
  for (const [index, { migration, script }] of joined.entries()) {
    const last = index === joined.length - 1
    message += last ? 'begin;\n' : 'begin; set local synchronous_commit = off;\n'
    message += `${script.read()}\n;${insertAppliedSql(session, tables, migration, runId, run.lockKey)};\ncommit;\n`
    statements += (last ? 1 : 2) + script.statements.length + 2
    ends.push(statements)
  }
  let durationMs = 0
  const onComplete = (done: number, row: readonly (string | null)[]) => {
    const end = ends[committed.length]
    // Answers come in bursts: what a migration took is what its history row says, the last but the COMMIT.
    if (done + 1 === end) durationMs = Number(row[0])
    if (done === end) committed.push({ migration: joined[committed.length]!.migration, durationMs })
  }
  const notices = collectNotices(run, joined[0]!.migration.name, {
    current: () => joined[committed.length]?.migration.name,
  })
  const watch = run.watch(() => joined[committed.length]?.migration.name ?? '')
  const tell = () => committed.forEach(({ migration, durationMs }) => onApplied(migration, durationMs))
  try {
    await runScript(session, message, onComplete)
    tell()
  } catch (error) {
    const cause = (error as ScriptError).error
    if (isConnectionLost(cause)) {
      // All may have committed, with only the last word missing.
      const { name } = joined[Math.min(committed.length, joined.length - 1)]!.migration
      throw signal.aborted ? unknownEnd(name, signal.reason as Failure, cause) : lostConnection(name, cause)
    }
    await rollBack(session)
    // What has committed so far was not waited for: an empty commit that is makes it so.
    if (committed.length > 0) await runScript(session, `begin; select pg_catalog.pg_current_xact_id(); commit`)
    tell()
    if (signal.aborted) throw signal.reason
  } finally {
    watch.stop()
    notices.stop()
  }
  return committed.length
}
