import { findDependents, findInSchemas, nameAll } from '../../catalog/dependents.ts'
import { type Listed, findListed } from '../../catalog/listed.ts'
import type { Session } from '../../postgres/session.ts'
import { keyOf } from '../../schema/description.ts'
import type { SchemaStory } from '../../schema/steps.ts'
import { idOf, strangersIn } from './strangers.ts'

/** What a reset drops, and what stands in its way. */
export interface Dropping {
  /** What the migrations have ever made and the database has, but what goes with a relation of theirs anyway. */
  readonly drops: readonly Listed[]
  /** Schemas of theirs in which nothing else is; `public` never. */
  readonly schemas: readonly Listed[]
  /** Schemas and extensions of theirs that have to stay, because something else needs them. */
  readonly kept: readonly Kept[]
  /** What is not theirs and stays in their schemas, `public` included. */
  readonly staying: readonly string[]
  /** What is not theirs and would go as well: `view app.report`. */
  readonly strangers: readonly string[]
  /** What the role may not drop. */
  readonly denied: readonly string[]
}

export interface Kept {
  readonly one: Listed
  readonly needs: readonly string[]
}

/** Kinds that go with the relation that they are a part of. */
const partKinds: ReadonlySet<string> = new Set(['column', 'constraint', 'index', 'trigger', 'policy', 'rule'])

/**
 * Looks at what the database has of a story: of all of its steps, because the last run may have stopped at any. To be
 * asked in one transaction, under a search_path on which nothing of theirs is.
 */
export async function findDropping(session: Session, story: SchemaStory): Promise<Dropping> {
  const keys = new Set(story.steps.flatMap(({ put }) => put.map(keyOf)))
  const all = await findListed(session, [...keys], story.notModelled)
  const things = all.filter(({ kind }) => kind !== 'schema')
  const keptExtensions = await findKeptExtensions(session, things)
  const keptIds = new Set(keptExtensions.map(({ one }) => idOf(one)))
  const ours = things.filter((one) => !keptIds.has(idOf(one)))
  const isDropped = ({ kind, relationKind, relationName }: Listed) =>
    !partKinds.has(kind) || !keys.has(`${relationKind} ${relationName}`)
  const drops = ours.filter(isDropped)
  const reached = await findDependents(session, drops)
  const goes = new Set(reached.map(idOf))
  const spaces = all.filter(({ kind }) => kind === 'schema')
  const oids = spaces.map(({ objid }) => objid)
  const left = (await findInSchemas(session, oids)).filter((one) => !goes.has(idOf(one)))
  const names = await nameAll(session, left)
  const needsOf = ({ objid }: Listed) => names.filter((_, i) => left[i]!.schema === objid)
  const mayGo = spaces.filter(({ name }) => name !== 'public')
  const schemas = mayGo.filter((one) => needsOf(one).length === 0)
  return {
    drops,
    schemas,
    kept: [...mayGo.map((one) => ({ one, needs: needsOf(one) })).filter(({ needs }) => needs.length > 0), ...keptExtensions], // prettier-ignore
    staying: names,
    strangers: await nameAll(session, strangersIn(reached, ours)),
    denied: [...drops, ...schemas].filter(({ mayDrop }) => !mayDrop).map(call),
  }
}

/** A listed thing in words. */
export function call({ kind, name, relationName }: Listed): string {
  return relationName === null || kind === 'index' ? `${kind} ${name}` : `${kind} ${relationName}.${name}`
}

/** Those that something needs which is not ours; what such an extension needs has to stay as well. */
async function findKeptExtensions(session: Session, things: readonly Listed[]): Promise<readonly Kept[]> {
  const kept: Kept[] = []
  const isKept = (one: Listed) => kept.some((other) => other.one === one)
  for (let hasGrown = true; hasGrown;) {
    hasGrown = false
    for (const one of things) {
      if (one.kind !== 'extension' || isKept(one)) continue
      const ours = things.filter((other) => !isKept(other))
      const strangers = strangersIn(await findDependents(session, [one]), ours)
      if (strangers.length === 0) continue
      kept.push({ one, needs: await nameAll(session, strangers) })
      hasGrown = true
    }
  }
  return kept
}
