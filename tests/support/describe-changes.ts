// What somebody changes behind our back, and the lines that tell it.
import { describe, expect } from 'vitest'
import { test } from './database.ts'
import { changedBy } from './describe.ts'

export interface Change {
  readonly before?: string
  readonly change: string
  readonly lines: readonly string[]
  /** The first major version that knows it. */
  readonly since?: number
}

const base = `create schema app; create table app.t (id int primary key, a int, b text);
  create function app.touch() returns trigger language plpgsql as 'begin return new; end'`

/** A test for each: before it there is the schema `app` with the table `t`, and what comes before the change. */
export function describeChanges(kinds: Readonly<Record<string, Readonly<Record<string, Change>>>>): void {
  for (const [kind, changes] of Object.entries(kinds))
    describe(kind, () => {
      test.for(Object.entries(changes))('%s', async ([, { before = '', change, lines, since = 14 }], { db, skip }) => {
        const [server] = await db.query<{ major: number }>(
          `select current_setting('server_version_num')::int / 10000 as major`,
        )
        if (server!.major < since) skip(`Postgres ${since} is the first that knows it`)
        await db.query(`${base}; ${before}`)
        expect(await changedBy(db, change)).toEqual(lines)
      })
    })
}
