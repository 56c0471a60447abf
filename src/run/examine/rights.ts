import { Failure } from '../../errors.ts'
import { type HistoryPlace, tableNames } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'

/** What the role may do that up needs, as the server's own functions say: nothing is tried. */
export interface Rights {
  readonly database: string
  readonly role: string
  readonly createInDatabase: boolean
  /** Of the schema of our tables; null when it does not exist. */
  readonly schema: { readonly usage: boolean; readonly create: boolean } | null
  /** Those of our tables that exist. */
  readonly tables: readonly (Readonly<Record<TableRight, boolean>> & { readonly name: string })[]
}

const tableRights = ['select', 'insert', 'update'] as const
type TableRight = (typeof tableRights)[number]

/** A privilege that is missing, and the SQL that gives it. */
export interface MissingRight {
  readonly what: string
  readonly grant: string
}

/** Asks the server what the role of the session may do. */
export async function askRights(session: Session, place: HistoryPlace): Promise<Rights> {
  const name = session.client.escapeLiteral(place.schema)
  const { history, runs } = tableNames(place)
  const ofTable = tableRights.map((right) => `'${right}', pg_catalog.has_table_privilege(c.oid, '${right}')`).join(', ')
  const [row] = await session.query<Omit<Rights, 'tables'> & { tables: Rights['tables'] | null }>(`
    select pg_catalog.current_database()::text as database, current_user::text as role,
      pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as "createInDatabase",
      (select pg_catalog.json_build_object('usage', pg_catalog.has_schema_privilege(n.oid, 'usage'),
         'create', pg_catalog.has_schema_privilege(n.oid, 'create'))
       from pg_catalog.pg_namespace n where n.nspname = ${name}) as schema,
      (select pg_catalog.json_agg(pg_catalog.json_build_object('name', c.relname, ${ofTable}) order by c.relname)
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where n.nspname = ${name} and c.relname in ('${history}', '${runs}') and c.relkind in ('r', 'p')) as tables`)
  return { ...row!, tables: row!.tables ?? [] }
}

/** Whether there is a history of ours that may be read, not be read, or none. */
export function historyIs({ schema, tables }: Rights): 'readable' | 'denied' | 'absent' {
  const history = tables.find(({ name }) => name.endsWith('history'))
  if (!history) return 'absent'
  return schema!.usage && tables.every(({ select }) => select) ? 'readable' : 'denied'
}

/** What up needs for our own tables and the role has not, in the order in which it would be given. */
export function missingRights(session: Session, rights: Rights, schema: string): MissingRight[] {
  const quote = (name: string) => session.client.escapeIdentifier(name)
  const [role, ours] = [quote(rights.role), quote(schema)]
  if (rights.schema === null) {
    const grant = `grant create on database ${quote(rights.database)} to ${role};`
    return rights.createInDatabase
      ? []
      : [{ what: `create on the database, for the schema ${ours} of our tables`, grant }]
  }
  const isWhole = rights.tables.length === 2
  const inSchema = (['usage', ...(isWhole ? [] : ['create'])] as const).filter(
    (right) => !rights.schema![right as 'usage'],
  )
  const ofSchema = inSchema.map((right) => ({
    what: `${right} on the schema ${ours} of our tables`,
    grant: `grant ${right} on schema ${ours} to ${role};`,
  }))
  const ofTables = rights.tables.flatMap((table) => {
    const lacking = tableRights.filter((right) => !table[right])
    const grant = `grant ${lacking.join(', ')} on ${ours}.${table.name} to ${role};`
    return lacking.length === 0 ? [] : [{ what: `${lacking.join(', ')} on ${ours}.${table.name}`, grant }]
  })
  return [...ofSchema, ...ofTables]
}

/** DENIED with the statements that give what is missing; undefined when nothing is. */
export function lacksRights(session: Session, rights: Rights, missing: readonly MissingRight[]): Failure | undefined {
  if (missing.length === 0) return undefined
  const role = session.client.escapeIdentifier(rights.role)
  return new Failure('DENIED', `the role ${role} lacks what up needs`, {
    list: missing.map(({ what }) => what),
    next: `As the owner of the database or of our tables: ${missing.map(({ grant }) => grant).join(' ')}`,
  })
}
