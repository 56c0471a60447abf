import { Failure } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { floorsTableSql } from './floors-table.ts'
import { asciiLiteral } from './rows.ts'
import { type HistoryTables, nullIfMissing } from './tables.ts'

/**
 * Our tables, which note each of these migrations as a floor in the statement that records it, or that it begins where a
 * part of it may stay; makes the table where an earlier version has left none. Under the lock.
 */
export async function withFloors(
  session: Session,
  tables: HistoryTables,
  contracts: readonly string[],
): Promise<HistoryTables> {
  if (contracts.length === 0) return tables
  await ensureFloors(session, tables)
  const names = new Set(contracts.map((name) => name.normalize('NFC')))
  const floor = (name: string) => (names.has(name.normalize('NFC')) ? [insertFloor(session, tables, name)] : [])
  const alongside = (name: string) => [...(tables.alongside?.(name) ?? []), ...floor(name)]
  return { ...tables, alongside, alongsideBegin: floor }
}

/** Notes what somebody else has applied, or is said to be applied, in the transaction that is open. */
export async function noteFloors(session: Session, tables: HistoryTables, contracts: readonly string[]): Promise<void> {
  if (contracts.length === 0) return
  await ensureFloors(session, tables)
  for (const name of contracts) await session.query(insertFloor(session, tables, name))
}

function insertFloor(session: Session, { floors }: HistoryTables, name: string): string {
  return `insert into ${floors} (name) values (${asciiLiteral(session, name.normalize('NFC'))}) on conflict do nothing returning 1`
}

async function ensureFloors(session: Session, tables: HistoryTables): Promise<void> {
  const [found] = await session.query<{ there: boolean }>('select pg_catalog.to_regclass($1) is not null as there', [
    tables.floors,
  ])
  if (!found!.there) await session.query(floorsTableSql(tables.floors))
}

/** Throws MISMATCH when one of the migrations that this image lacks has taken away what it may use. */
export async function refuseBelowFloor(
  session: Session,
  tables: HistoryTables,
  ahead: readonly string[],
): Promise<void> {
  if (ahead.length === 0) return
  const sql = `select name from ${tables.floors}`
  const rows = await nullIfMissing(session, tables, () => session.query<{ name: string }>(sql))
  const floors = new Set(rows?.map(({ name }) => name))
  const below = ahead.filter((name) => floors.has(name.normalize('NFC')))
  if (below.length === 0) return
  throw new Failure('MISMATCH', `this image is too old: ${below.at(-1)} took away what it may use; nothing was done`, {
    list: below.map((name) => `${name}: a contract migration that this image does not have`),
    next: 'Start an image that has it. To go back all the same, take it back first: upfront down, with the image that has applied it.',
  })
}
