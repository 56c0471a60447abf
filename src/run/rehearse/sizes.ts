import type { Run } from '../run.ts'
import { requireAnswer, withServer } from '../server.ts'
import { localReader } from './pending.ts'
import type { Lock, RehearsedMigration, TableSize, Work } from './rehearsal.ts'

/** What the target says of every table that is touched and existed before; a partitioned one counts as a whole. */
export async function readSizes(run: Run, migrations: readonly RehearsedMigration[]): Promise<Map<string, TableSize>> {
  const names = new Set(migrations.flatMap(({ statements }) => statements.flatMap(touched)))
  if (names.size === 0) return new Map()
  return withServer(run, requireAnswer, async (session) => {
    const reader = localReader(run, session)
    const list = [...names].map((name) => session.client.escapeLiteral(name)).join(', ')
    const measured = 'pg_catalog.pg_total_relation_size(t.oid)'
    // Who has locked a table keeps us from measuring it; what its last VACUUM has counted is still to be read.
    const counted = `(t.relpages + coalesce((select sum(x.relpages) from pg_catalog.pg_class x
      where x.oid = t.reltoastrelid or x.oid in (select i.indexrelid from pg_catalog.pg_index i where i.indrelid = t.oid)), 0))
      * pg_catalog.current_setting('block_size')::int8`
    const ask = (size: string) =>
      reader.query<{ name: string; rows: number | null; bytes: string }>(
        `select pg_catalog.format('%I.%I', n.nspname, c.relname) as name, sum(${size})::text as bytes,
           case when bool_and(t.reltuples >= 0) then sum(t.reltuples)::float8 end as rows
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace,
           lateral (select c.oid where c.relkind <> 'p' union select p.relid from pg_catalog.pg_partition_tree(c.oid) p
             where c.relkind = 'p' and p.isleaf) leaf
           join pg_catalog.pg_class t on t.oid = leaf.oid
         where pg_catalog.format('%I.%I', n.nspname, c.relname) in (${list}) and c.relkind in ('r', 'p', 'm')
         group by n.nspname, c.relname order by sum(${size}) desc, 1`,
      )
    const rows = await ask(measured).catch((error: unknown) => {
      if ((error as { code?: string }).code !== '55P03') throw error
      return ask(counted)
    })
    return new Map(rows.map(({ name, rows: count, bytes }) => [name, { rows: count, bytes: Number(bytes) }]))
  })
}

function touched({ locks, work }: { readonly locks: readonly Lock[]; readonly work: readonly Work[] }): string[] {
  return [
    ...locks.filter(({ existing }) => existing).map(({ relation, table, root }) => root ?? table ?? relation),
    ...work.filter(({ existing }) => existing).map(subjectOf),
  ]
}

/** The table as people think of it: the whole of a partitioned one. */
export function subjectOf({ table, root }: Pick<Work, 'table' | 'root'>): string {
  return root ?? table
}
