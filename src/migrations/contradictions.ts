import type { Session } from '../postgres/session.ts'
import { findIndex, isAsStated } from './indexes.ts'
import type { Migration, StatedIndex } from './migration.ts'
import { findExisting } from './tables.ts'

/** What the catalog has to say against a migration being done: what it makes and is not there, or not usable. */
export async function findMissing(session: Session, migration: Migration): Promise<string[]> {
  const existing = new Set(await findExisting(session, migration.creates))
  const found = migration.creates.filter((name) => !existing.has(name)).map((name) => `${name} does not exist`)
  for (const stated of namedIndexes(migration)) {
    const index = await findIndex(session, stated)
    if (!index) found.push(`the index ${stated.name} does not exist`)
    else if (!index.valid) found.push(`the index ${index.name} is invalid: no query uses it`)
    else if (!isAsStated(index, stated)) found.push(`the index ${index.name} is not as the file says`)
  }
  return found
}

/** What the catalog has to say against a migration being not done: what it makes and is there. */
export async function findMade(session: Session, migration: Migration): Promise<string[]> {
  const found = (await findExisting(session, migration.creates)).map((name) => `${name} exists`)
  for (const stated of namedIndexes(migration)) {
    const index = await findIndex(session, stated)
    // One that is invalid is what a failed attempt leaves.
    if (index?.valid) found.push(`the index ${index.name} exists`)
  }
  return found
}

function namedIndexes({ script }: Migration): (StatedIndex & { readonly name: string })[] {
  if (script.kind !== 'sql') return []
  return script.statements.flatMap(({ index }) =>
    index && index.name !== null ? [{ ...index, name: index.name }] : [],
  )
}
