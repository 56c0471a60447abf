import type { Identity, Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { HistoryTables } from '../tables.ts'

/** Records migrations as applied by another tool, in this order and in one statement. */
export async function insertAdopted(
  session: Session,
  tables: HistoryTables,
  migrations: readonly (Identity & Pick<Migration, 'down'>)[],
  run: string,
): Promise<void> {
  await session.query(
    `insert into ${tables.history} (kind, name, checksum, state, down, run)
     select 'migration', name, checksum, 'adopted', down, $4
     from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]))
       with ordinality as given (name, checksum, down, place)
     order by place`,
    [
      migrations.map(({ name }) => name),
      migrations.map(({ checksum }) => checksum),
      migrations.map(({ down }) => down),
      run,
    ],
  )
}
