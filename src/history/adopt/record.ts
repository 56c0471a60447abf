import type { Identity, Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { HistoryTables } from '../tables.ts'

/** Gives rows the numbers that come next, in this order: what was settled before it was taken over came too early. */
export async function renumber(session: Session, tables: HistoryTables, names: readonly string[]): Promise<void> {
  for (const name of names)
    await session.query(`update ${tables.history} set id = default where kind = 'migration' and name = $1`, [name])
}

type Adopted = Identity & Pick<Migration, 'down'>

/** Records what another tool has applied, in this order and in one statement. */
export async function insertAdopted(
  session: Session,
  tables: HistoryTables,
  { migration, repeatable }: Readonly<Record<'migration' | 'repeatable', readonly Adopted[]>>,
  run: string,
): Promise<void> {
  const all = [
    ...migration.map((one) => ({ ...one, kind: 'migration' })),
    ...repeatable.map((one) => ({ ...one, kind: 'repeatable' })),
  ]
  await session.query(
    `insert into ${tables.history} as h (kind, name, checksum, state, down, run)
     select kind, name, checksum, 'adopted', down, $5
     from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]),
       pg_catalog.unnest($4::text[])) with ordinality as given (kind, name, checksum, down, place)
     order by place
     on conflict (kind, name) do update set checksum = excluded.checksum, state = 'adopted', down = excluded.down,
       run = excluded.run, statements_done = 0, done_checksum = null
     where h.state = 'running'`,
    [
      all.map(({ kind }) => kind),
      all.map(({ name }) => name),
      all.map(({ checksum }) => checksum),
      all.map(({ down }) => down),
      run,
    ],
  )
}
