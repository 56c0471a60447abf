import { Failure } from '../errors.ts'
import type { Session } from '../postgres/session.ts'
import { floorsTableSql } from './floors-table.ts'
import { repairCommands } from './repair/command.ts'
import { asciiLiteral } from './rows.ts'
import { type HistoryTables, nullIfMissing } from './tables.ts'

/**
 * Our tables, which note each of these migrations as a floor in the statement that records it, or that it begins outside a
 * transaction: what half of it has taken away is gone too. Makes the table where an earlier version has left none. Under the lock.
 */
export async function withFloors(
  session: Session,
  tables: HistoryTables,
  contracts: readonly string[],
): Promise<HistoryTables> {
  if (contracts.length === 0) return tables
  await ensureFloors(session, tables)
  const names = new Set(contracts.map((name) => name.normalize('NFC')))
  const alongsideBegin = (name: string) =>
    names.has(name.normalize('NFC')) ? [insertFloor(session, tables, name)] : []
  const alongside = (name: string) => [...(tables.alongside?.(name) ?? []), ...alongsideBegin(name)]
  return { ...tables, alongside, alongsideBegin }
}

/** Notes what somebody else has applied, or is said to be applied, in the transaction that is open. */
export async function noteFloors(session: Session, tables: HistoryTables, contracts: readonly string[]): Promise<void> {
  if (contracts.length === 0) return
  await ensureFloors(session, tables)
  for (const name of contracts) await session.query(insertFloor(session, tables, name))
}

/** The same for what is applied already: it may have become a contract migration since, or an earlier version has noted none. */
export async function noteMissingFloors(
  session: Session,
  tables: HistoryTables,
  applied: readonly string[],
): Promise<void> {
  if (applied.length === 0) return
  const noted = await readFloors(session, tables)
  await noteFloors(
    session,
    tables,
    applied.filter((name) => !noted.has(name.normalize('NFC'))),
  )
}

function insertFloor(session: Session, { floors }: HistoryTables, name: string): string {
  return `insert into ${floors} (name) values (${asciiLiteral(session, name.normalize('NFC'))}) on conflict do nothing returning 1`
}

/** Makes the table; throws DENIED when the role may not, or may not write into it: else that would be found out behind the migration. */
async function ensureFloors(session: Session, tables: HistoryTables): Promise<void> {
  const { floors } = tables
  const [found] = await session.query<{ there: boolean; writable: boolean | null }>(
    `select pg_catalog.to_regclass($1) is not null as there,
       pg_catalog.has_table_privilege(pg_catalog.to_regclass($1), 'insert') as writable`,
    [floors],
  )
  if (found!.writable === false) throw mayNotNote(session, tables)
  if (found!.there) return
  await session.query(floorsTableSql(floors)).catch((error: { code?: string }) => {
    throw error.code === '42501' ? mayNotNote(session, tables, floorsTableSql(floors), error) : error
  })
}

function mayNotNote(session: Session, { floors }: HistoryTables, make?: string, cause?: unknown): Failure {
  const role = session.client.escapeIdentifier(session.role)
  const sql = [
    ...(make === undefined ? [] : [make.replace(/\s+/g, ' ')]),
    `grant select, insert on ${floors} to ${role}`,
  ]
  return new Failure(
    'DENIED',
    `the role ${role} may not note in ${floors} what keeps older images out; nothing was done`,
    { sqlstate: '42501', next: `As the owner of our tables: ${sql.map((one) => `${one};`).join(' ')}` },
    cause,
  )
}

/** Throws MISMATCH when one of the migrations that this image lacks has taken away what it may use. */
export async function refuseBelowFloor(
  session: Session,
  tables: HistoryTables,
  lacking: readonly string[],
): Promise<void> {
  if (lacking.length === 0) return
  const floors = await readFloors(session, tables)
  const below = lacking.filter((name) => floors.has(name.normalize('NFC')))
  if (below.length === 0) return
  throw new Failure('MISMATCH', `this image is too old: ${below.at(-1)} took away what it may use; nothing was done`, {
    list: below.map((name) => `${name}: a contract migration that this image does not have`),
    next:
      'Start an image that has it. To go back all the same, take it back first: upfront down, with the image that has applied it. ' +
      `Or, when its file was removed for good:${repairCommands('forget', below)}`,
  })
}

async function readFloors(session: Session, tables: HistoryTables): Promise<ReadonlySet<string>> {
  const sql = `select name from ${tables.floors}`
  const rows = await nullIfMissing(session, tables, () => session.query<{ name: string }>(sql))
  return new Set(rows?.map(({ name }) => name))
}
