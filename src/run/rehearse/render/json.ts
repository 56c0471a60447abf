import { failures } from '../../../errors.ts'
import type { Difference } from '../../../schema/difference.ts'
import { type Lock, type Rehearsal, type RehearsedMigration, blocks, spellMode } from '../rehearsal.ts'
import { type Verdict, byTransaction, worst } from '../verdict.ts'

/** The rehearsal for programs; docs/formats.md says what each field means. */
export function renderJson(rehearsal: Rehearsal, verdicts: readonly Verdict[]): string {
  const { stage, bundle, server, targetServer, migrations, sizes, difference, notes, failure } = rehearsal
  const asData = {
    bundle,
    on: stage,
    server,
    target_server: targetServer,
    level: worst(verdicts),
    verdicts: verdicts.map(({ level, migration, line, words }) => ({ level, migration, line, words })),
    migrations: migrations.map((one) => asMigration(one, verdicts)),
    tables: [...sizes].map(([name, { rows, bytes }]) => ({ name, rows, bytes })),
    schema: difference === null ? null : asChanges(difference),
    notes,
    failed:
      failure === null
        ? null
        : {
            code: failure.code,
            exit: failures[failure.code].exit,
            message: failure.message,
            sqlstate: failure.facts.sqlstate ?? null,
            reason: failure.facts.reason ?? null,
          },
  }
  return JSON.stringify(asData, null, 2)
}

function asMigration(
  { kind, name, file, how, statements, commitMs, failed }: RehearsedMigration,
  verdicts: readonly Verdict[],
) {
  const times = statements.reduce((sum, { ms }) => sum + ms, commitMs ?? 0)
  return {
    kind,
    name,
    file,
    how,
    level: worst(verdicts.filter(({ migration }) => migration === name)),
    duration_ms: round(times),
    commit_ms: commitMs === null ? null : round(commitMs),
    statements: byTransaction(statements).flatMap((group) => {
      let held: readonly Lock[] = []
      return group.map(({ first, last, line, sql, beginMs, ms, transaction, locks, work, created, dropped }) => {
        const earlier = held
        held = [...held, ...locks]
        return {
          first,
          last,
          line,
          sql,
          begins_ms: round(beginMs),
          duration_ms: round(ms),
          transaction,
          locks: locks.map(asLock),
          held: earlier.map(asLock),
          work: work.map(({ what, table, root, index, existing }) => ({
            what,
            table,
            partition_of: root,
            index,
            existing,
          })),
          created,
          dropped,
        }
      })
    }),
    failed: failed ? { statement: failed.statement, line: failed.place?.line ?? null } : null,
  }
}

function asLock({ relation, kind, table, root, mode, existing, seenBy }: Lock) {
  return { relation, kind, table, partition_of: root, mode: spellMode(mode), blocks: blocks(mode), existing, seen_by: seenBy } // prettier-ignore
}

function asChanges({ missing, unexpected, different }: Difference) {
  const one = ({ kind, name, is }: (typeof missing)[number]) => ({ kind, name, is })
  return {
    removed: missing.map(one),
    added: unexpected.map(one),
    changed: different.map(({ expected, found }) => ({
      kind: found.kind,
      name: found.name,
      was: expected.is,
      is: found.is,
    })),
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
