// Calls `rehearse` on a shadow that is the tests' own server, and reads what it answers.
import { expect } from 'vitest'
import type { Database } from './database.ts'
import type { Outcome } from './run.ts'

/** The answer of `rehearse --json`, as far as tests look at it. */
export interface Answer {
  readonly on: string
  readonly level: string
  readonly verdicts: readonly { level: string; migration: string; line: number | null; words: string }[]
  readonly migrations: readonly {
    name: string
    how: string
    level: string
    statements: readonly AnsweredStatement[]
    failed: { statement: number | null; line: number | null } | null
  }[]
  readonly tables: readonly { name: string; rows: number | null; bytes: number }[]
  readonly schema: { added: Named[]; removed: Named[]; changed: Named[] } | null
  readonly notes: readonly string[]
  readonly failed: { code: string; exit: number; message: string; sqlstate: string | null } | null
}

type Named = { kind: string; name: string }

export interface AnsweredStatement {
  readonly line: number
  readonly sql: string
  readonly duration_ms: number
  readonly transaction: number | null
  readonly locks: readonly {
    relation: string
    mode: string
    existing: boolean
    blocks: string | null
    seen_by: string
  }[]
  readonly held: readonly { relation: string; mode: string }[]
  readonly work: readonly { what: string; table: string; index: string | null; existing: boolean }[]
  readonly created: readonly string[]
  readonly dropped: readonly string[]
}

/** The environment in which the server of the database is also the one for shadows. */
export function shadowed(db: Database): { UPFRONT_SHADOW_DATABASE_URL: string } {
  return { UPFRONT_SHADOW_DATABASE_URL: db.urlOf({ database: 'postgres' }) }
}

/** A shadow of a role of its own, which may do no more than make databases; and those that it has right now. */
export async function ownShadow(db: Database) {
  const { user, password } = await db.role('login createdb')
  const databases = async () => {
    const rows = await db.query<{ datname: string }>(
      `select datname from pg_database where datdba = '${user}'::regrole`,
    )
    return rows.map(({ datname }) => datname)
  }
  return { env: { UPFRONT_SHADOW_DATABASE_URL: db.urlOf({ user, password, database: 'postgres' }) }, databases }
}

/** A rehearsal, its answer read; it must end as expected. */
export async function rehearseJson(
  db: Database,
  args: readonly string[] = [],
  exit = 0,
  env = shadowed(db),
): Promise<Answer & { outcome: Outcome }> {
  const outcome = await db.run(['rehearse', '--json', ...args], env)
  expect(outcome.exitCode, outcome.stderr + outcome.stdout).toBe(exit)
  return { ...(JSON.parse(outcome.stdout) as Answer), outcome }
}

/** `rewrites app.t`, for each thing that a statement did to a table that was there before. */
export function workOf({ work }: AnsweredStatement): string[] {
  return work.filter(({ existing }) => existing).map(({ what, table }) => `${what} ${table}`)
}

/** `ACCESS EXCLUSIVE app.t`, for what it locked that was there before and that others may be using. */
export function locksOf({ locks }: AnsweredStatement): string[] {
  return locks
    .filter(({ existing, blocks }) => existing && blocks !== null)
    .map(({ mode, relation }) => `${mode} ${relation}`)
}
