// What every adopter has to do, whosever table it reads.
import { describe, expect } from 'vitest'
import type { Target } from '../../../src/config/database/target.ts'
import {
  type Adopter,
  type ForeignRow,
  type Match,
  type Traced,
  matchByKey,
} from '../../../src/history/adopt/adopter.ts'
import { type Session, openSession } from '../../../src/postgres/session.ts'
import { type Database, test } from '../../support/database.ts'
export { file } from '../../unit/history/adopt/matching.ts'

export interface Example {
  /** Where the tool makes its table when it is not told otherwise. */
  readonly schema: string
  /** Set when it cannot be told otherwise. */
  readonly onlyThere?: true
  /** As SQL writes it. */
  readonly name: string
  /** Makes the table as the tool does. */
  readonly create: (table: string) => string
  /** What the tool writes. */
  readonly insert: (table: string) => string
  readonly rows: readonly ForeignRow[]
  /** A table of the same name that another program makes. */
  readonly stranger: (table: string) => string
}

/** Runs `use` with a session of our own kind on that database, as somebody and with a search_path. */
export async function withSession<T>(
  db: Database,
  use: (session: Session) => Promise<T>,
  { url = db.url, searchPath }: { readonly url?: string; readonly searchPath?: string } = {},
): Promise<T> {
  const { hostname: host, port, username: user, password, pathname } = new URL(url)
  const at = { host, port: Number(port) }
  const target: Target = {
    hosts: [at],
    database: pathname.slice(1),
    user,
    password: decodeURIComponent(password),
    tls: { mode: 'disable', rootCert: undefined, cert: undefined, key: undefined, keyPassword: undefined },
    channelBinding: 'prefer',
    requireAuth: undefined,
    options: undefined,
    connectTimeoutMs: 0,
    searchPath: undefined,
    source: 'test',
  }
  const options = { at, encryption: 'never', applicationName: 'upfront/test' } as const
  const session = await openSession(target, options, AbortSignal.timeout(10_000))
  try {
    if (searchPath !== undefined) await session.query(`set search_path = ${searchPath}`)
    return await use(session)
  } finally {
    session.close()
  }
}

/** What the adopter makes of the database and these files, by names; null without a history. */
export async function adopt(
  adopter: Adopter,
  db: Database,
  files: readonly Traced[],
): Promise<Record<keyof Match, readonly string[]> | null> {
  const history = await withSession(db, adopter.read)
  if (!history) return null
  const { adopted, edited, failed, skipped, unknown } = (adopter.match ?? matchByKey)(files, history)
  const names = (of: Match['adopted']) => of.map(({ name }) => name)
  return { adopted: names(adopted), edited: names(edited), failed: names(failed), skipped: names(skipped), unknown }
}

/** Neither file nor row. */
export const nothing = { adopted: [], edited: [], failed: [], skipped: [], unknown: [] } as const

/** The contract of an adopter. */
export function describeAdopter(adopter: Adopter, example: Example): void {
  const { schema, onlyThere, name, create, insert, rows, stranger } = example
  const there = `${schema}.${name}`
  const make = async (db: Database, table: string, within: string) => {
    await db.query(`create schema if not exists ${within}; ${create(table)}; ${insert(table)}`)
  }

  describe(`the history of ${adopter.format}`, () => {
    test('is null without its table, and where another program has a table of that name', async ({ db }) => {
      expect(await withSession(db, adopter.read)).toBe(null)
      const places = new Set([`public.${name}`, there])
      for (const place of places)
        await db.query(`create schema if not exists ${place.split('.')[0]}; ${stranger(place)}`)
      expect(await withSession(db, adopter.read)).toBe(null)
    })

    const isItsOwn = schema !== 'public'
    test(`is read ${isItsOwn ? 'in its own schema, whatever the search_path is' : 'on the search_path, and nowhere else'}`, async ({
      db,
    }) => {
      await make(db, there, schema)
      const found = { table: there, rows }
      for (const searchPath of [`"$user", public`, `''`, `pg_temp, nowhere`, schema]) {
        const history = await withSession(db, adopter.read, { searchPath })
        expect(history, searchPath).toEqual(isItsOwn || searchPath.includes('public') ? found : null)
      }
    })

    test('is empty when its table is', async ({ db }) => {
      await db.query(`create schema if not exists ${schema}; ${create(there)}`)
      expect(await withSession(db, adopter.read)).toEqual({ table: there, rows: [] })
    })

    if (!onlyThere)
      test("is read from the search_path's schema, behind a stranger's table too", async ({ db }) => {
        await make(db, `"zoo App".${name}`, '"zoo App"')
        await db.query(`create schema other; ${stranger(`other.${name}`)}`)
        await db.query(`create schema if not exists ${schema}; ${create(there)}`)
        const history = await withSession(db, adopter.read, { searchPath: `other, "zoo App"` })
        expect(history).toEqual({ table: `"zoo App".${name}`, rows })
      })

    test('is refused to a role that may not read it, in the words of the server', async ({ db }) => {
      await make(db, there, schema)
      await db.query(`grant usage on schema ${schema} to public`)
      const role = await db.role()
      const denied = withSession(db, adopter.read, { url: db.urlOf(role) })
      await expect(denied).rejects.toMatchObject({ code: '42501' })
      await db.query(`grant select on ${there} to ${role.user}`)
      expect(await withSession(db, adopter.read, { url: db.urlOf(role) })).toEqual({ table: there, rows })
    })
  })
}

/** A row that is applied and without a hash. */
export function row(key: string, called = key, more: Partial<ForeignRow> = {}): ForeignRow {
  return { key, hash: null, state: 'applied', called, ...more }
}
