// The fixed scenario that every fault is put into, and what the database looks like after each step of it.
import pg from 'pg'
import type { Files } from '../../support/database.ts'

/** The smallest thing that can have happened or not: a file in a transaction, or a statement outside of one. */
export interface Unit {
  readonly file: string
  readonly sql: string
  /** Nothing but the catalog knows whether it ran. */
  readonly alone: boolean
}

/** Notes who did it, without a key: a thing done twice is seen. */
const note = (name: string) => `insert into ledger (name) values ('${name}')`

/** File by file, each as its statements; those of a file marked `outside` are units of their own. */
const files: readonly { readonly name: string; readonly outside?: true; readonly statements: readonly string[] }[] = [
  {
    name: '001_ledger',
    statements: [
      `create table ledger (name text, xid xid8 default pg_current_xact_id(), pid int default pg_backend_pid(),
        at timestamptz default clock_timestamp())`,
      note('001_ledger'),
    ],
  },
  // The next two share a message, each with a transaction of its own.
  {
    name: '002_orders',
    statements: [
      'create table orders (id int, total int)',
      'insert into orders select i, i from generate_series(1, 100) i',
      note('002_orders'),
    ],
  },
  { name: '003_items', statements: ['create table items (id int)', note('003_items')] },
  // A body that only the server can look into goes as a message of its own.
  { name: '004_body', statements: [`do $$ begin ${note('004_body')}; end $$`] },
  { name: '005_index', outside: true, statements: ['create index concurrently orders_id on orders (id)'] },
  {
    name: '006_outside',
    outside: true,
    statements: [
      note('006_outside 1'),
      'create unique index concurrently orders_total on orders (total)',
      'alter table orders add column note text',
      note('006_outside 2'),
    ],
  },
  { name: '007_last', statements: ['alter table orders add primary key (id)', note('007_last')] },
]

const seed = { name: '010_seed.sql', sql: note('010_seed.sql') }

/** The migrations folder. */
export const migrations: Files = Object.fromEntries(
  files.map(({ name, outside, statements }) => {
    const marker = outside && statements.length > 1 ? '-- upfront:no-transaction\n' : ''
    return [`${name}.sql`, `${marker}${statements.join(';\n')};\n`]
  }),
)

/** The seeds folder. */
export const seeds: Files = { [seed.name]: `${seed.sql};\n` }

/** Names as the history has them, in order. */
export const names: readonly string[] = [...files.map(({ name }) => name), seed.name]

export const units: readonly Unit[] = [
  ...files.flatMap(({ name, outside, statements }) =>
    outside
      ? statements.map((sql) => ({ file: name, sql, alone: /concurrently/.test(sql) }))
      : [{ file: name, sql: statements.join(';'), alone: false }],
  ),
  { file: seed.name, sql: seed.sql, alone: false },
]

/** What is seen of the database after a number of units. */
export interface Picture {
  readonly catalog: readonly string[]
  readonly ledger: readonly string[]
}

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
  ) lines order by line collate "C"`

/** What a witness sees this moment. */
export async function takePicture(query: <Row extends object>(sql: string) => Promise<Row[]>): Promise<Picture> {
  const [there] = await query<{ yes: boolean }>(`select to_regclass('public.ledger') is not null as yes`)
  const ledger = there!.yes ? await query<{ name: string }>('select name from ledger order by name collate "C"') : []
  const catalog = await query<{ line: string }>(catalogSql)
  return { catalog: catalog.map(({ line }) => line), ledger: ledger.map(({ name }) => name) }
}

/** The pictures after 0, 1, 2 ... units, made by a plain client and not by us. */
export async function paintGolden(url: string): Promise<readonly Picture[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const query = async <Row extends object>(sql: string) => (await client.query<Row>(sql)).rows
    const pictures = [await takePicture(query)]
    for (const { sql } of units) {
      await client.query(sql)
      pictures.push(await takePicture(query))
    }
    return pictures
  } finally {
    await client.end()
  }
}
