// What a database holds, and how it differs from what it held before.
import { type Describing, describeSchema } from '../../src/catalog/describe.ts'
import type { Session } from '../../src/postgres/session.ts'
import type { Description, OnRequest } from '../../src/schema/description.ts'
import { compareSchemas } from '../../src/schema/difference.ts'
import { withSession } from '../postgres/adopt/describe-adopter.ts'
import type { Database } from './database.ts'

/** Nothing is left out. */
export const all: Describing = { without: [], withoutTables: [] }

/** Describes the database of a test, by a way in of its own. */
export function describeDatabase(db: Database, url = db.url, describing = all): Promise<Description> {
  return withSession(db, (session) => describeSchema(session, describing), { url })
}

/** The lines of a difference, with owners, grants and comments where they are asked for. */
export function changed(before: Description, after: Description, also: readonly OnRequest[] = []): string[] {
  const { missing, unexpected, different } = compareSchemas(before, after, { exclude: [], also })
  const said = (is: string) => (is === '' ? '' : `: ${is.replaceAll(/\s+/g, ' ')}`)
  return [
    ...missing.map(({ kind, name }) => `- ${kind} ${name}`),
    ...unexpected.map(({ kind, name, is }) => `+ ${kind} ${name}${said(is)}`),
    ...different.map(
      ({ expected: { kind, name, is }, found }) => `${kind} ${name}${said(is)} -> ${found.is.replaceAll(/\s+/g, ' ')}`,
    ),
  ]
}

/** The lines that what somebody does to a database makes. */
export async function changedBy(
  db: Database,
  sql: string,
  also: readonly OnRequest[] = ['owners', 'grants', 'comments'],
): Promise<string[]> {
  return withSession(db, async (session: Session) => {
    const before = await describeSchema(session, all)
    await db.query(sql)
    return changed(before, await describeSchema(session, all), also)
  })
}
