import type { Session } from '../postgres/session.ts'
import { type FoundIndex, findIndex, isAsStated, listUnnamed } from './indexes.ts'
import type { Migration, StatedIndex } from './migration.ts'
import { findExisting } from './tables.ts'

/** What the catalog has to say against a migration being done: what it makes and is not there, or not usable. */
export async function findMissing(session: Session, migration: Migration): Promise<string[]> {
  const existing = new Set(await findExisting(session, migration.creates))
  const found = migration.creates.filter((name) => !existing.has(name)).map((name) => `${name} does not exist`)
  for (const stated of statedIndexes(migration)) {
    const index = await findMadeIndex(session, stated)
    if (!index) found.push(`${nameIndex(stated)} does not exist`)
    else if (!index.valid) found.push(`the index ${index.name} is invalid: no query uses it`)
    else if (!isAsStated(index, stated)) found.push(`the index ${index.name} is not as the file says`)
  }
  return found
}

/** What the catalog has to say against a migration being not done: what it makes and is there. */
export async function findMade(session: Session, migration: Migration): Promise<string[]> {
  const found = (await findExisting(session, migration.creates)).map((name) => `${name} exists`)
  for (const stated of statedIndexes(migration)) {
    const index = await findMadeIndex(session, stated)
    // One that is invalid is what a failed attempt leaves.
    if (index?.valid) found.push(`the index ${index.name} exists`)
  }
  return found
}

function statedIndexes({ script }: Migration): StatedIndex[] {
  return script.kind === 'sql' ? script.statements.flatMap(({ index }) => index ?? []) : []
}

/** Of those without a name one that is valid, if there is one. */
async function findMadeIndex(session: Session, stated: StatedIndex): Promise<FoundIndex | undefined> {
  if (stated.name !== null) return findIndex(session, stated)
  const found = await listUnnamed(session, stated)
  return found.find(({ valid }) => valid) ?? found[0]
}

function nameIndex({ name, table, columns }: StatedIndex): string {
  return name === null
    ? `an index on ${table} (${columns.map((one) => one ?? 'an expression').join(', ')})`
    : `the index ${name}`
}
