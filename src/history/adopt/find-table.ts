import type { Session } from '../../postgres/session.ts'

/** What tells the table of a tool from another's of the same name. */
export interface TableMarks {
  readonly name: string
  /** Where the tool makes it when it is not told otherwise; `public` stands for wherever the search_path leads. */
  readonly schema: string
  /** Set when it is nowhere else, whatever the search_path is. */
  readonly onlyThere?: true
  readonly columns: Readonly<Record<string, keyof typeof typesOf>>
  /** Set when it has no other columns. */
  readonly nothingElse?: true
}

/** Where a table is that does not bear its tool's name; the search_path decides without a schema. */
export interface TablePlace {
  readonly schema: string | null
  readonly table: string
}

/** A table that was found. */
export interface FoundTable {
  /** As SQL writes it, quoted where it has to be. */
  readonly table: string
  readonly schema: string
  readonly columns: ReadonlySet<string>
}

const typesOf = {
  text: ['text', 'character varying'],
  number: ['smallint', 'integer', 'bigint'],
  boolean: ['boolean'],
  time: ['timestamp with time zone', 'timestamp without time zone'],
  bytes: ['bytea'],
} as const satisfies Record<string, readonly string[]>

interface Candidate {
  readonly table: string
  readonly schema: string
  readonly columns: Readonly<Record<string, string>>
}

/**
 * The table of a tool: the first one that is the tool's on the search_path of the session, then the one in a schema that
 * the tool has to itself; null when there is none. What is elsewhere belongs to another program, unless somebody says
 * where: then the columns alone tell whether it is the tool's. It asks the catalog and not to_regclass(), which throws
 * for a schema that may not be used, even when the table is found elsewhere.
 */
export async function findTable(
  session: Session,
  marks: TableMarks,
  elsewhere?: TablePlace,
): Promise<FoundTable | null> {
  const text = (value: string) => session.client.escapeLiteral(value)
  const onPath = 'n.nspname = any (pg_catalog.current_schemas(false))'
  const places = elsewhere
    ? elsewhere.schema === null
      ? onPath
      : `n.nspname = ${text(elsewhere.schema)}`
    : `(${marks.schema !== 'public'} and n.nspname = ${text(marks.schema)} or not ${marks.onlyThere ?? false} and ${onPath})`
  // Without parameters, because whoever only reads sends its questions together with settings, as one message.
  const candidates = await session.query<Candidate>(
    `select pg_catalog.format('%I.%I', n.nspname, c.relname) as table, n.nspname::text as schema,
       (select pg_catalog.json_object_agg(a.attname, pg_catalog.format_type(a.atttypid, null))
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relname = ${text(elsewhere?.table ?? marks.name)} and c.relkind in ('r', 'p', 'v', 'm', 'f') and ${places}
     order by pg_catalog.array_position(pg_catalog.current_schemas(false), n.nspname)`,
  )
  const found = candidates.find((one) => isTheirs(one.columns, marks))
  return found ? { ...found, columns: new Set(Object.keys(found.columns)) } : null
}

function isTheirs(columns: Candidate['columns'] | null, marks: TableMarks): boolean {
  const wanted = Object.entries(marks.columns)
  const has = ([name, kind]: (typeof wanted)[number]) =>
    (typesOf[kind] as readonly string[]).includes(columns?.[name] ?? '')
  return wanted.every(has) && (!marks.nothingElse || Object.keys(columns ?? {}).length === wanted.length)
}

/** Of what the keys of some tools' locks are made. */
export interface LockPlace {
  readonly database: string
  /** That of the table, or the one in which the tool would make it; null when the search_path has none. */
  readonly schema: string | null
}

/** Where a tool's table is or would be. */
export async function lockPlace(session: Session, marks: TableMarks): Promise<LockPlace> {
  const found = await findTable(session, marks)
  // A pooler may call the database otherwise than the server does.
  const [here] = await session.query<LockPlace>(
    'select pg_catalog.current_database()::text as database, pg_catalog.current_schema()::text as schema',
  )
  return { ...here!, ...(found ? { schema: found.schema } : {}) }
}
