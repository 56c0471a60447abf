import { Failure } from '../../errors.ts'
import { adopterOf } from '../../history/adopt/adopters.ts'
import type { WriteBack, Written } from '../../history/adopt/write-back/write-back.ts'
import type { Session } from '../../postgres/session.ts'
import { ofTenant } from './foreign-history.ts'

/** The table of another tool into which its rows are written. */
export type TheirTable = Pick<Written, 'table' | 'columns'>

/** A migration, while it is not known yet into which table its row goes. */
export type ToBeWritten = Omit<Written, keyof TheirTable>

/** Whose database it is, or whose schema. */
type Whose = Parameters<typeof ofTenant>[1]

/** The tool's table, found as the tool finds it, for a tenant in its schema; null when there is none. */
export async function findTheirTable(session: Session, tool: WriteBack, whose: Whose): Promise<TheirTable | null> {
  const found = await read(session, tool, whose)
  return found && { table: found.table, columns: new Set((await readFacts(session, found.table)).columns) }
}

/** One behind the tenant's schema on the search_path would say of all tenants that all is applied. */
async function read(session: Session, { format }: WriteBack, whose: Whose) {
  const found = await adopterOf(format)!.read(session)
  return found && ofTenant(session, whose, found.table) ? found : null
}

/**
 * The tool's table, found as the tool finds it, or made where and as the tool makes it. Throws DENIED when the role may
 * not make it, or not write the row of the first migration: before anything has run, and not when that has.
 */
export async function openTheirTable(
  session: Session,
  tool: WriteBack,
  first: ToBeWritten,
  whose: Whose,
): Promise<TheirTable> {
  const found = await read(session, tool, whose)
  const table = found?.table ?? (await makeTable(session, tool, first))
  const { columns, mayNumber } = await readFacts(session, table)
  const theirs = { table, columns: new Set(columns) }
  try {
    // It asks for the rights of these statements, and runs none of them.
    for (const sql of tool.row({ ...first, ...theirs })) await session.query(`explain ${sql}`)
  } catch (error) {
    throw isDenied(error) ? mayNotWrite(session, table, error) : error
  }
  if (!mayNumber) throw mayNotWrite(session, table)
  return theirs
}

async function makeTable(session: Session, tool: WriteBack, first: ToBeWritten): Promise<string> {
  const text = (value: string) => session.client.escapeLiteral(value)
  const where = tool.schema === undefined ? `coalesce(pg_catalog.current_schema(), 'public')` : text(tool.schema)
  const [place] = await session.query<{ schema: string; table: string }>(
    `select pg_catalog.quote_ident(schema) as schema, pg_catalog.format('%I.%I', schema, ${text(tool.table)}) as table
     from (select ${where} as schema) place`,
  )
  const { schema, table } = place!
  try {
    await session.query(tool.create({ ...first, table }))
  } catch (error) {
    if ((error as { code?: string }).code === '42P07') throw another(tool, table, error)
    if (!isDenied(error)) throw error
    const database = session.client.escapeIdentifier(session.client.database ?? '')
    const object = tool.schema === undefined ? `schema ${schema}` : `database ${database}`
    const next = `Let ${tool.format} make it, or as the owner: grant create on ${object} to ${roleOf(session)};`
    throw denied(`may not make ${table}`, session, { next, cause: error })
  }
  return table
}

function another({ format }: WriteBack, table: string, cause: unknown): Failure {
  const facts = {
    reason: (cause as Error).message,
    next: 'Leave UPFRONT_WRITE_BACK out, or name another schema (search_path).',
  }
  return new Failure('USAGE', `UPFRONT_WRITE_BACK: ${table} is there and is not as ${format} makes it`, facts, cause)
}

interface Facts {
  readonly columns: readonly string[]
  /** Whether the role may use the sequences that number its rows. */
  readonly mayNumber: boolean
}

async function readFacts(session: Session, table: string): Promise<Facts> {
  const relation = `${session.client.escapeLiteral(table)}::pg_catalog.regclass`
  const [facts] = await session.query<Facts>(
    `select pg_catalog.array_agg(a.attname::text) as columns,
       (select coalesce(pg_catalog.bool_and(pg_catalog.has_sequence_privilege(s.oid, 'usage, update')), true)
        from pg_catalog.pg_depend d join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
        where d.refobjid = ${relation} and d.deptype = 'a') as "mayNumber"
     from pg_catalog.pg_attribute a where a.attrelid = ${relation} and a.attnum > 0 and not a.attisdropped`,
  )
  return facts!
}

function mayNotWrite(session: Session, table: string, cause?: unknown): Failure {
  const [schema, role] = [table.slice(0, table.lastIndexOf('.')), roleOf(session)]
  const next =
    `As the owner: grant usage on schema ${schema} to ${role}; grant select, insert, update, delete on ${table} to ${role}; ` +
    `grant usage on all sequences in schema ${schema} to ${role};`
  return denied(`may not write into ${table}`, session, { next, cause })
}

function denied(what: string, session: Session, { next, cause }: { next: string; cause?: unknown }): Failure {
  const reason = cause instanceof Error ? { reason: cause.message } : {}
  return new Failure(
    'DENIED',
    `the role ${roleOf(session)} ${what}, which UPFRONT_WRITE_BACK asks for`,
    { sqlstate: '42501', ...reason, next },
    cause,
  )
}

function roleOf(session: Session): string {
  return session.client.escapeIdentifier(session.role)
}

function isDenied(error: unknown): boolean {
  return (error as { code?: string }).code === '42501'
}
