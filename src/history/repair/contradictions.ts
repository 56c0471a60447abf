import { findCreated, underEachSettings } from '../../catalog/created.ts'
import { type FoundIndex, findIndex, isAsStated, listUnnamed } from '../../catalog/indexes.ts'
import type { Migration, StatedIndex } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'

/** What in the catalog contradicts that a migration is done: what it makes and is missing, or not usable. */
export async function findMissing(session: Session, migration: Migration): Promise<string[]> {
  const existing = new Set(await findRelations(session, migration))
  const found = migration.creates.filter((name) => !existing.has(name)).map((name) => `${name} does not exist`)
  for (const stated of statedIndexes(migration)) {
    const index = await findMadeIndex(session, migration, stated)
    if (!index) found.push(`${nameIndex(stated)} does not exist`)
    else if (!index.valid) found.push(`the index ${index.name} is invalid: no query uses it`)
    else if (!isAsStated(index, stated)) found.push(`the index ${index.name} is not as the file says`)
  }
  return found
}

/** What in the catalog contradicts that a migration is not done: what it makes and is there. */
export async function findMade(session: Session, migration: Migration): Promise<string[]> {
  const found = (await findRelations(session, migration)).map((name) => `${name} exists`)
  for (const stated of statedIndexes(migration)) {
    const index = await findMadeIndex(session, migration, stated)
    // A failed attempt leaves an invalid one.
    if (index?.valid) found.push(`the index ${index.name} exists`)
  }
  return found
}

function statedIndexes({ script }: Migration): StatedIndex[] {
  return script.kind === 'sql' ? script.statements.flatMap(({ index }) => index ?? []) : []
}

async function findRelations(session: Session, migration: Migration): Promise<readonly string[]> {
  return (await findCreated(session, [migration])).get(migration) ?? []
}

/** The index that the statement names, or may have made without a name; a valid one first. */
async function findMadeIndex(
  session: Session,
  migration: Migration,
  stated: StatedIndex,
): Promise<FoundIndex | undefined> {
  const answers = await underEachSettings(session, migration, async () =>
    stated.name === null ? listUnnamed(session, stated) : [await findIndex(session, stated)],
  )
  const found = answers.flat().filter((index) => index !== undefined)
  return found.find(({ valid }) => valid) ?? found[0]
}

function nameIndex({ name, table, columns }: StatedIndex): string {
  return name === null
    ? `an index on ${table} (${columns.map((one) => one ?? 'an expression').join(', ')})`
    : `the index ${name}`
}
