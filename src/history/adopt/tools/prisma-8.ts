import type { Session } from '../../../postgres/session.ts'
import type { Adopter, ForeignHistory, ForeignRow, Match, Traced } from '../adopter.ts'
import { type TableMarks, findTable } from '../find-table.ts'

const schema = 'prisma_contract'
const marker: TableMarks = {
  name: 'marker',
  schema,
  onlyThere: true,
  columns: { space: 'text', core_hash: 'text', profile_hash: 'text', updated_at: 'time' },
}
const ledger: TableMarks = {
  name: 'ledger',
  schema,
  onlyThere: true,
  columns: {
    id: 'number',
    space: 'text',
    migration_name: 'text',
    migration_hash: 'text',
    destination_core_hash: 'text',
  },
}

/**
 * `prisma_contract` of Prisma 8: a marker for each space says which contract the database has, and that alone decides
 * what runs; a ledger says what has run.
 */
export const prisma8: Adopter = {
  format: 'prisma-8',
  table: marker.name,
  read: async (session) => {
    const found = await findTable(session, marker)
    if (!found) return null
    const markers = `select space || '/' || core_hash as key, null::text as hash, 'applied' as state,
      pg_catalog.format('contract %s of %s', core_hash, space) as called, true as covers from ${found.table} order by space`
    const rows = await session.query<ForeignRow>(markers)
    return { table: found.table, rows: [...rows, ...(await readLedger(session))] }
  },
  // Each run takes the lock of the application's space last, in the name of the first schema of its contract.
  lock: async (session) => {
    const [row] = await session.query<{ key: string }>(
      `select pg_catalog.hashtext('prisma_8.contract.marker:public:app')::text as key`,
    )
    return { key: BigInt(row!.key) }
  },
  match,
}

/** What was signed only has a marker, and what was done without migrations has a row without a name. */
async function readLedger(session: Session): Promise<readonly ForeignRow[]> {
  const found = await findTable(session, ledger)
  if (!found) return []
  return session.query<ForeignRow>(
    `select space || '/' || destination_core_hash as key, migration_hash as hash, 'applied' as state,
       space || '/' || migration_name as called from ${found.table} where migration_name <> '' order by id`,
  )
}

/** Up to the contract of the marker all of a space is applied, and nothing behind it, whatever the ledger has. */
function match(files: readonly Traced[], { rows }: ForeignHistory): Match {
  const states = rows.filter(({ covers }) => covers)
  const unknown: string[] = []
  const applied = states.flatMap(({ key, called }) => {
    const space = key.slice(0, key.indexOf('/') + 1)
    const way = files.filter(({ origin }) => origin.key.startsWith(space))
    const at = way.findIndex(({ origin }) => origin.key === key)
    if (at === -1) unknown.push(called)
    return way.slice(0, at + 1)
  })
  const names = (all: readonly Traced[]) => {
    const taken = new Set(all)
    return files.filter((one) => taken.has(one)).map(({ migration }) => migration)
  }
  const isEdited = ({ migration, origin }: Traced) => {
    const last = rows.findLast(({ covers, called }) => !covers && called === migration.name)
    return last !== undefined && !origin.hashes.includes(last.hash ?? '')
  }
  return {
    adopted: names(applied.filter((one) => !isEdited(one))),
    edited: names(applied.filter(isEdited)),
    failed: [],
    skipped: [],
    unknown,
  }
}
