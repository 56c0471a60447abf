import type { SeenRelation, Sighting } from './measure.ts'
import { type Lock, type LockMode, type RelationKind, type Work, lockModes } from '../rehearsal.ts'

/** What a statement has done, by what was seen before and after it. */
export interface Effects {
  readonly locks: readonly Lock[]
  readonly work: readonly Work[]
  readonly created: readonly string[]
  readonly dropped: readonly string[]
}

/** Remembers what relations there are and what was held, so that each look tells what is new. */
export interface Watcher {
  /** Nothing is held any more. */
  begin(): void
  /** What a first look in a transaction has to ask for, because reports of the session may be outstanding. */
  counting(): readonly number[]
  /** Takes in a look; says what is not as at the last one. */
  observe(sighting: Pick<Sighting, 'locks' | 'relations' | 'counted'>, seenBy: Lock['seenBy']): Effects
  /** The same by everything there is and the locks that another session saw, for what no transaction holds. */
  compare(all: readonly SeenRelation[], locks?: Sighting['locks']): Effects
}

/** A relation as it was last seen. */
interface Known extends SeenRelation {
  /** The name on the target, or the first that was seen. */
  readonly called: string
  /** Whether it was there before the rehearsal. */
  readonly existing: boolean
}

/** A watcher that knows what is there before anything is rehearsed. */
export function watch(before: readonly SeenRelation[]): Watcher {
  const known = new Map<number, Known>()
  for (const one of before) known.set(one.oid, { ...one, scans: 0, called: one.name!, existing: true })
  const held = new Map<number, Set<string>>()

  const nameOf = (oid: number | null) => (oid === null ? null : (known.get(oid)?.called ?? null))

  /** Of an index that of its table: nobody thinks of the index of a whole. */
  const rootOf = ({ root, table }: Known) => nameOf(table === null ? root : (known.get(table)?.root ?? null))

  const learn = (relations: readonly SeenRelation[]): Omit<Effects, 'locks' | 'dropped'> => {
    const created: string[] = []
    const work: Work[] = []
    const before = new Map(relations.map(({ oid }) => [oid, known.get(oid)]))
    for (const one of relations) {
      const was = before.get(one.oid)
      if (!was) created.push(one.name!)
      known.set(one.oid, { ...one, called: was?.called ?? one.name!, existing: was?.existing ?? false })
    }
    for (const one of relations) {
      const was = before.get(one.oid)
      const change = changeOf(one, was)
      if (change === null) continue
      const on = known.get(change === 'builds' ? one.table! : one.oid)
      if (!on) continue
      const index = change === 'builds' ? known.get(one.oid)!.called : null
      work.push({ what: change, table: on.called, root: rootOf(on), index, existing: on.existing })
    }
    return { created, work: withoutParts(work) }
  }

  const learnLocks = (locks: Sighting['locks'], seenBy: Lock['seenBy']): Lock[] => {
    const taken: Lock[] = []
    for (const { oid, modes } of locks) {
      const one = known.get(oid)
      // What was made and dropped by the same statement has no name any more, and was nobody's.
      if (!one) continue
      const already = held.get(oid) ?? new Set()
      held.set(oid, already)
      for (const mode of modes.filter((mode) => !already.has(mode))) {
        already.add(mode)
        const { called: relation, existing } = one
        taken.push({ relation, kind: kindOf(one), table: nameOf(one.table), root: rootOf(one), mode: mode as LockMode, existing, seenBy }) // prettier-ignore
      }
    }
    return taken.sort(byWeight)
  }

  const forget = (oids: readonly number[]): string[] =>
    oids.flatMap((oid) => {
      const one = known.get(oid)
      if (!one || one.kind === null) return []
      known.set(oid, { ...one, kind: null })
      return [one.called]
    })

  return {
    begin: () => held.clear(),
    counting: () => [...known.values()].filter(({ scans }) => scans > 0).map(({ oid }) => oid),
    observe({ locks, relations, counted }, seenBy) {
      for (const [oid, scans] of counted) known.set(oid, { ...known.get(oid)!, scans })
      const there = new Set(relations.map(({ oid }) => oid))
      const { created, work } = learn(relations)
      const taken = learnLocks(locks, seenBy)
      return { created, work, locks: taken, dropped: forget(locks.flatMap(({ oid }) => (there.has(oid) ? [] : [oid]))) }
    },
    compare(all, locks = []) {
      held.clear()
      const there = new Set(all.map(({ oid }) => oid))
      const gone = [...known.values()].filter(({ oid, kind }) => kind !== null && !there.has(oid))
      const learned = learn(all)
      const taken = learnLocks(locks, 'witness')
      return { ...learned, locks: taken, dropped: forget(gone.map(({ oid }) => oid)) }
    },
  }
}

/** What happened to a relation between two looks, null for nothing that grows with it. */
function changeOf(one: SeenRelation, was: Known | undefined): Work['what'] | null {
  const isIndex = one.kind === 'i'
  const isStored = one.node !== 0 && one.kind !== 'S'
  if (isIndex && was?.node !== one.node) return 'builds'
  if (!was) return null
  if (isStored && !isIndex && was.node !== one.node) return 'rewrites'
  return !isIndex && one.scans > was.scans ? 'scans' : null
}

/** Who rewrites a table builds its indexes again and reads it for that; who builds an index reads the table. */
function withoutParts(work: readonly Work[]): Work[] {
  const has = (what: Work['what'], table: string) => work.some((one) => one.what === what && one.table === table)
  return work.filter(({ what, table }) => {
    if (what === 'rewrites') return true
    if (has('rewrites', table)) return false
    return what === 'builds' || !has('builds', table)
  })
}

function kindOf({ kind, table }: SeenRelation): RelationKind {
  if (table !== null) return 'index'
  const kinds: Readonly<Record<string, RelationKind>> = {
    v: 'view',
    m: 'materialized view',
    S: 'sequence',
    f: 'foreign table',
  }
  return kinds[kind ?? ''] ?? 'table'
}

/** The strongest first, and of one strength by name. */
function byWeight(a: Lock, b: Lock): number {
  const weight = (one: Lock) => lockModes.indexOf(one.mode)
  return weight(b) - weight(a) || (a.relation < b.relation ? -1 : a.relation > b.relation ? 1 : 0)
}
