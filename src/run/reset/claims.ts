import { type Planned, makePlan } from '../../history/plan.ts'
import type { HistoryRow } from '../../history/rows.ts'
import { type SchemaObject, keyOf } from '../../schema/description.ts'
import type { SchemaStep, SchemaStory } from '../../schema/steps.ts'

/** Which of the things that a database has are those of the migrations. */
export interface Claims {
  /** The keys of all that any of them ever makes: all run again, so each of these names has to be free. */
  readonly names: readonly string[]
  /** Keys of other kinds that would take one of those names. */
  readonly rivals: readonly string[]
  /** What is there by the history, with the keys of what each may be a part of. */
  readonly made: ReadonlyMap<string, ReadonlySet<string | undefined>>
  /** Of kinds that have no keys, as Postgres names them. */
  readonly others: readonly string[]
  /** Whether the history says nothing of any migration. */
  readonly isUnproven: boolean
}

/** How much of a step is there: all it leads to, what it makes and maybe what it takes away, or nothing. */
type Extent = 'all' | 'some' | 'none'

/**
 * What the history proves: a table that a later migration dropped, or that one still has to make, is somebody else's when
 * it is there. Where the history says nothing, all is claimed when consent was given by the database's name, else nothing.
 */
export function claimsOf(
  story: SchemaStory,
  migrations: readonly Planned[],
  rows: readonly HistoryRow[],
  isNamed: boolean,
): Claims {
  const isUnproven = rows.every(({ kind }) => kind !== 'migration' && kind !== 'repeatable')
  const extentOf = isUnproven ? (): Extent => (isNamed ? 'some' : 'none') : readExtents(migrations, rows)
  const made = new Map<string, Set<string | undefined>>()
  for (const step of story.steps) {
    const extent = extentOf(step)
    if (extent === 'none') continue
    if (extent === 'all') for (const key of step.gone) made.delete(key)
    for (const one of step.put) {
      const before = extent === 'all' ? [] : (made.get(keyOf(one)) ?? [])
      made.set(keyOf(one), new Set([...before, one.of]))
    }
  }
  const objects = story.steps.flatMap(({ put }) => put)
  const names = new Set(objects.map(keyOf))
  const rivals = objects.flatMap(rivalsOf).filter((key) => !names.has(key))
  return { names: [...names], rivals: [...new Set(rivals)], made, others: story.notModelled, isUnproven }
}

function readExtents(migrations: readonly Planned[], rows: readonly HistoryRow[]): (step: SchemaStep) => Extent {
  const ofMigrations = rows.filter(({ kind }) => kind === 'migration')
  const plan = makePlan(migrations, ofMigrations)
  const nfc = (name: string) => name.normalize('NFC')
  const known = new Set(migrations.map(({ name }) => nfc(name)))
  const changed = new Set(plan.changed.map(nfc))
  const extents = new Map<string, Extent>()
  for (const { name } of plan.applied) extents.set(nfc(name), changed.has(nfc(name)) ? 'some' : 'all')
  for (const { to } of plan.renamed) extents.set(nfc(to), 'some')
  for (const { name, state } of ofMigrations) if (state === 'running') extents.set(nfc(name), 'some')
  const hasRepeated = rows.some(({ kind }) => kind === 'repeatable')
  return ({ migration }) => (known.has(migration) ? (extents.get(migration) ?? 'none') : hasRepeated ? 'some' : 'none')
}

/** Kinds of which two things cannot have one name. */
const nameSpaces: readonly (readonly SchemaObject['kind'][])[] = [
  ['table', 'foreign table', 'view', 'materialized view', 'sequence', 'index', 'composite type'],
  ['table', 'foreign table', 'view', 'materialized view', 'composite type', 'enum', 'domain', 'range type'],
  ['function', 'procedure', 'aggregate'],
]

function rivalsOf({ kind, name }: SchemaObject): string[] {
  const kinds = new Set(nameSpaces.flatMap((space) => (space.includes(kind) ? space : [])))
  return [...kinds].filter((other) => other !== kind).map((other) => keyOf({ kind: other, name }))
}
