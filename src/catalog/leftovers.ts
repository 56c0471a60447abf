import type { StatedTarget } from '../migration.ts'
import type { Session } from '../postgres/session.ts'
import { type FoundIndex, listIndexes, nameOf } from './indexes.ts'

/** What a statement outside a transaction has left half done, and what ends that. */
export interface Leftover {
  readonly what: string
  readonly list: readonly string[]
  readonly next: string
}

/** What the catalog says of a statement that did not come to its end; null when it has left nothing. */
export async function findLeftover(
  session: Session,
  target: StatedTarget,
  code: string | undefined,
  isOurs: (index: FoundIndex) => boolean,
): Promise<Leftover | 'done' | null> {
  switch (target.action) {
    case 'drop index':
      return halfDropped(session, target, code)
    case 'detach':
      return halfDetached(session, target, code)
    case 'reindex': {
      const left = (await listReindexCopies(session, target)).filter((index) => isOurs(index) && !index.building)
      return left.length === 0 ? null : copiesLeft(left)
    }
    case 'drop database':
      return halfDroppedDatabase(session, target)
  }
}

async function halfDropped(session: Session, target: StatedTarget, code: string | undefined) {
  const name = nameOf(session, target.schema, target.name ?? '')
  const [index] = await listIndexes(session, 'i.indexrelid = pg_catalog.to_regclass($1)', [name])
  if (!index) return code === '42704' || code === '42P01' ? null : 'done'
  if (index.valid) return null
  const next = 'Start again: it drops the rest. Or drop it by hand first.'
  return { what: `the index ${index.name} is half dropped: no query uses it`, list: [`drop index concurrently ${index.name};`], next } // prettier-ignore
}

async function halfDetached(session: Session, target: StatedTarget, code: string | undefined) {
  const [found] = await readPartition(session, target)
  if (!found) return code === '42P01' || code === '42704' ? null : 'done'
  if (!found.pending) return null
  const next = 'Start again: it finishes that. Or finish it by hand first.'
  return { what: `the partition ${found.partition} is half detached`, list: [`${finalizeSql(found)};`], next }
}

interface Partition {
  readonly parent: string
  readonly partition: string
  readonly pending: boolean
}

function readPartition(session: Session, { schema, name, partition }: StatedTarget): Promise<Partition[]> {
  return session.query<Partition>(
    `select inhparent::regclass::text as parent, inhrelid::regclass::text as partition, inhdetachpending as pending
     from pg_catalog.pg_inherits where inhparent = pg_catalog.to_regclass($1) and inhrelid = pg_catalog.to_regclass($2)`,
    [nameOf(session, schema, name ?? ''), nameOf(session, partition?.schema ?? null, partition?.name ?? '')],
  )
}

function finalizeSql({ parent, partition }: Partition): string {
  return `alter table ${parent} detach partition ${partition} finalize`
}

/** The SQL that finishes a DETACH ... CONCURRENTLY that stopped half way; undefined when it has to begin anew. */
export async function finalizeDetachSql(session: Session, target: StatedTarget): Promise<string | undefined> {
  if (target.action !== 'detach') return undefined
  const [found] = await readPartition(session, target)
  return found?.pending ? finalizeSql(found) : undefined
}

/** The copies of indexes that an unfinished REINDEX CONCURRENTLY has left within the reach of a statement. */
export async function listReindexCopies(session: Session, target: StatedTarget, since?: string): Promise<FoundIndex[]> {
  const { object, schema, name } = target
  const copies = `not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'`
  if (object === 'DATABASE') return listIndexes(session, copies, [], since)
  const ofSchema = `c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = $1)`
  if (object === 'SCHEMA') return listIndexes(session, `${copies} and ${ofSchema}`, [name], since)
  const table = object === 'TABLE' ? 'pg_catalog.to_regclass($1)' : tableOfIndex
  return listIndexes(session, `${copies} and i.indrelid in (${withItsParts(table)})`, [nameOf(session, schema, name ?? '')], since) // prettier-ignore
}

const tableOfIndex = '(select x.indrelid from pg_catalog.pg_index x where x.indexrelid = pg_catalog.to_regclass($1))'

/** A table, its partitions, and where each keeps its large values. */
function withItsParts(table: string): string {
  const own = `select ${table}::oid union select relid from pg_catalog.pg_partition_tree(${table})`
  return `${own} union select t.reltoastrelid from pg_catalog.pg_class t where t.oid in (${own})`
}

function copiesLeft(left: readonly FoundIndex[]): Leftover {
  const names = left.map(({ name }) => name).join(', ')
  return {
    what: `REINDEX CONCURRENTLY left ${names} invalid: kept up to date, but no query uses it`,
    list: left.map(({ name }) => `drop index concurrently ${name};`),
    next: 'Drop what is listed, then start again; or set UPFRONT_INVALID_INDEXES=drop.',
  }
}

async function halfDroppedDatabase(session: Session, { name }: StatedTarget): Promise<Leftover | null> {
  // What connects to it from then on is refused, since 14.9 and 15.4.
  const rows = await session.query('select from pg_catalog.pg_database where datname = $1 and datconnlimit = -2', [
    name,
  ])
  if (rows.length === 0) return null
  const next = 'Start again: it drops the rest. Or drop it by hand first.'
  return { what: `the database ${name} is half dropped`, list: [`drop database ${nameOf(session, null, name ?? '')};`], next } // prettier-ignore
}
