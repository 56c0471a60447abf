// What a witness sees of the database, and what it may see after each step of a scenario.
import pg from 'pg'
import type { Scenario } from './scenario.ts'

/** What is seen of the database after a number of units. */
export interface Picture {
  readonly catalog: readonly string[]
  readonly ledger: readonly string[]
  /** Of every other table how many rows it has, and a sum over them. */
  readonly rows: readonly string[]
}

type Query = <Row extends object>(sql: string) => Promise<Row[]>

/** Everything of ours in the schema public, one line each; an index that is not valid says so. */
const catalogSql = `
  select line from (
    select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ||
      case when a.attnotnull then ' not null' else '' end || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as line
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
    union all
    select case when i.indisvalid and i.indisready then '' else 'INVALID ' end || pg_get_indexdef(i.indexrelid)
    from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = 'public'::regnamespace
    union all
    select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace and contype <> 'n'
    union all
    select 'policy ' || polname from pg_policy
  ) lines order by line collate "C"`

/** What a witness sees this moment. */
export async function takePicture(query: Query): Promise<Picture> {
  const found = await query<{ name: string }>(`select relname as name from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname collate "C"`)
  const tables = found.map(({ name }) => name)
  const ledger = tables.includes('ledger')
    ? await query<{ name: string }>('select name from ledger order by name collate "C"')
    : []
  const catalog = await query<{ line: string }>(catalogSql)
  return {
    catalog: catalog.map(({ line }) => line),
    ledger: ledger.map(({ name }) => name),
    rows: await countRows(
      query,
      tables.filter((name) => name !== 'ledger'),
    ),
  }
}

async function countRows(query: Query, tables: readonly string[]): Promise<string[]> {
  if (tables.length === 0) return []
  const counts = tables.map(
    (name) => `select '${name} ' || count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as line
      from public.${name} t`,
  )
  return (await query<{ line: string }>(counts.join(' union all '))).map(({ line }) => line)
}

/** The pictures after 0, 1, 2 ... units, by a plain client as `url` says; the witness sees everything. */
export async function paintGolden({ units }: Scenario, url: string, witness: Query): Promise<readonly Picture[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const pictures = [await takePicture(witness)]
    for (const { sql } of units) {
      await client.query(sql)
      pictures.push(await takePicture(witness))
    }
    return pictures
  } finally {
    await client.end()
  }
}
