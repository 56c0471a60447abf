import { findDependents, findInSchemas, nameAll } from '../../catalog/dependents.ts'
import { type Listed, findListed } from '../../catalog/listed.ts'
import type { Session } from '../../postgres/session.ts'
import type { Claims } from './claims.ts'
import { idOf, strangersIn } from './strangers.ts'

/** What a reset drops, and what stands in its way. */
export interface Dropping {
  /** What the migrations have made, but what goes with a relation of theirs anyway. */
  readonly drops: readonly Listed[]
  /** Schemas of theirs in which nothing else is; `public` never. */
  readonly schemas: readonly Listed[]
  /** Schemas and extensions of theirs that have to stay, because something else needs them. */
  readonly kept: readonly Kept[]
  /** What is not theirs and stays in their schemas, `public` included. */
  readonly staying: readonly string[]
  /** What is not theirs and would go as well: `view app.report`. */
  readonly strangers: readonly string[]
  /** What is not theirs, and has a name that they need. */
  readonly inTheWay: readonly string[]
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
 * Looks at what the database has of what the migrations claim. To be asked in one transaction, under a search_path on which
 * nothing of theirs is.
 */
export async function findDropping(session: Session, claims: Claims): Promise<Dropping> {
  const found = await findListed(session, [...claims.names, ...claims.rivals], claims.others)
  const { all, taken } = divide(found, claims)
  const things = all.filter(({ kind }) => kind !== 'schema')
  const keptExtensions = await findKeptExtensions(session, things)
  const keptIds = new Set(keptExtensions.map(({ one }) => idOf(one)))
  const ours = things.filter((one) => !keptIds.has(idOf(one)))
  const wholes = new Set(ours.map(({ key }) => key))
  const isDropped = (one: Listed) => !partKinds.has(one.kind) || !wholes.has(wholeOf(one)!)
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
    // What goes with a table of theirs leaves its name.
    inTheWay: taken.filter((one) => !wholes.has(wholeOf(one) ?? '')).map(call),
    denied: [...drops, ...schemas].filter(({ mayDrop }) => !mayDrop).map(call),
  }
}

/** What is theirs, and what only has a name of theirs; parts of the latter are not told. */
function divide(found: readonly Listed[], { names, rivals, made }: Claims): { all: Listed[]; taken: Listed[] } {
  const keys = new Set([...names, ...rivals])
  const isTheirs = (one: Listed) => {
    // Of these only what is not needed by others goes; and what has no key is known by its name alone.
    if (one.kind === 'schema' || one.kind === 'extension' || !keys.has(one.key)) return true
    const of = made.get(one.key)
    return of !== undefined && (one.relation === null || of.has(wholeOf(one)) || of.has(undefined))
  }
  const all = found.filter(isTheirs)
  const rest = found.filter((one) => !isTheirs(one))
  const wholes = new Set(rest.map(({ key }) => key))
  return { all, taken: rest.filter((one) => !wholes.has(wholeOf(one) ?? '')) }
}

/** The key of the relation that it is a part of. */
function wholeOf({ relation, relationKind, relationName }: Listed): string | undefined {
  return relation === null ? undefined : `${relationKind} ${relationName}`
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
