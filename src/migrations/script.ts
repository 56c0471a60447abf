import type { Session } from '../postgres/session.ts'
import { insertRunningSql, markAppliedSql, upsertRunningSql } from './history.ts'
import type { Kind, Migration, Seed, Statement } from './migration.ts'
import type { HistoryTables } from './tables.ts'

/** A SQL file on its way into the database, with the two statements that record it. */
export interface Script {
  readonly kind: Kind
  readonly name: string
  readonly file: string
  readonly sql: string
  readonly statements: readonly Statement[]
  readonly insertRunning: string
  readonly markApplied: string
}

export function migrationScript(session: Session, tables: HistoryTables, migration: Migration, run: string): Script {
  const { name, file, statements } = migration
  return {
    kind: 'migration',
    name,
    file,
    statements,
    sql: migration.readSql(),
    insertRunning: insertRunningSql(session, tables, migration, run),
    markApplied: markAppliedSql(session, tables, 'migration', name),
  }
}

export function seedScript(session: Session, tables: HistoryTables, seed: Seed, run: string): Script {
  const { name, file, statements } = seed
  return {
    kind: 'seed',
    name,
    file,
    statements,
    sql: seed.readSql(),
    insertRunning: upsertRunningSql(session, tables, seed, run),
    markApplied: markAppliedSql(session, tables, 'seed', name),
  }
}
