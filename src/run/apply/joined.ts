import type { Failure } from '../../errors.ts'
import { type HistoryRow, insertAppliedSql, noteEnd } from '../../history/rows.ts'
import { touchRunSql } from '../../history/runs.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Migration, SqlScript } from '../../migration.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { forFile, resetSql } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { lostConnection, unknownEnd } from './failures.ts'
import { collectNotices } from './notices.ts'
import type { StepContext } from './step.ts'

/** A migration that may share a message. */
export interface Joinable {
  readonly migration: Migration
  readonly script: SqlScript
}

/** What goes into one message. */
export interface JoinedMessage {
  readonly joined: readonly Joinable[]
  readonly runId: string
  /** With event triggers even DDL runs code that is in the database. */
  readonly hasEventTriggers: boolean
}

/** Statements that run no code of the database (trigger, default, check), unless there are event triggers. */
const inert = new Set(
  `AlterEnumStmt AlterFunctionStmt AlterObjectSchemaStmt AlterOwnerStmt AlterPolicyStmt AlterSeqStmt CommentStmt
   CompositeTypeStmt CreateDomainStmt CreateEnumStmt CreateFunctionStmt CreatePolicyStmt CreateRangeStmt CreateSchemaStmt
   CreateSeqStmt CreateStatsStmt CreateStmt CreateTrigStmt DropStmt GrantRoleStmt GrantStmt IndexStmt RenameStmt RuleStmt
   ViewStmt`.split(/\s+/),
)

/** Whether it may run code of the database, which may set something in the session. */
export function runsCode({ statements }: SqlScript): boolean {
  return statements.some(({ kind }) => !inert.has(kind))
}

const messageBytes = 64 * 1024

/** The first of these migrations that may go together in one message; fewer than two are not worth one. */
export function takeJoinable(migrations: readonly Migration[], history: readonly HistoryRow[]): Joinable[] {
  const left = new Set(history.map(({ kind, name }) => `${kind} ${name}`))
  const taken: Joinable[] = []
  let bytes = 0
  for (const migration of migrations) {
    const { script } = migration
    if (script.kind !== 'sql' || !script.joinable || !script.transaction || migration.assertion) break
    if (left.has(`migration ${migration.name}`)) break
    bytes += script.size
    if (bytes > messageBytes) break
    taken.push({ migration, script })
  }
  return taken
}

/**
 * Runs several small migrations in one message, each with a transaction, a lock assertion and a history row of its own.
 * Only the last commit waits for the disk, for all of them. What one may have set in the session is reset before the
 * next. Reports what has committed only after that flush. Returns how many committed: when not all did, the next one
 * failed and should be run alone, which says why. Throws LOST, or the signal's reason.
 */
export async function runJoined(
  run: StepContext,
  tables: HistoryTables,
  { joined, runId, hasEventTriggers }: JoinedMessage,
  onApplied: (migration: Migration, durationMs: number) => void,
): Promise<number> {
  const { session, settings, signal } = run
  signal.throwIfAborted()
  const ends: number[] = []
  const committed: { migration: Migration; durationMs: number }[] = []
  let message = ''
  let statements = 0
  let dirty = false
  for (const [index, { migration, script }] of joined.entries()) {
    const last = index === joined.length - 1
    const begin = ['begin', ...(dirty ? [...forFile(session, settings), noteEnd] : [])]
    if (!last) begin.push('set local synchronous_commit = off')
    message += `${begin.join('; ')};\n${script.read()}\n;`
    message += `${insertAppliedSql(session, tables, migration, { runId, lockKey: run.lockKey })};\ncommit;\n`
    statements += begin.length + script.statements.length + 2
    ends.push(statements)
    dirty = hasEventTriggers || runsCode(script)
  }
  if (hasEventTriggers || joined.some(({ script }) => runsCode(script))) message += resetSql(session, settings)
  let durationMs = 0
  const onComplete = (done: number, row: readonly (string | null)[]) => {
    const end = ends[committed.length]
    // Answers come in bursts, so the duration is that of the history row, the last answer before the COMMIT.
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
      // All may have committed, with only the last answer missing.
      const { name } = joined[Math.min(committed.length, joined.length - 1)]!.migration
      throw signal.aborted ? unknownEnd(name, signal.reason as Failure, cause) : lostConnection(name, cause)
    }
    await rollBack(session)
    // The commits so far did not wait for the disk; one that does, and has written something, flushes them too.
    if (committed.length > 0) await runScript(session, touchRunSql(tables, runId))
    tell()
    if (signal.aborted) throw signal.reason
  } finally {
    watch.stop()
    notices.stop()
  }
  return committed.length
}
