import { createHash } from 'node:crypto'
import { type Description, type SchemaObject, inOrder, keyOf } from './description.ts'

/** What one migration makes of the schema. */
export interface SchemaStep {
  readonly migration: string
  /** Of the whole schema after it. */
  readonly digest: string
  /** New, or not as they were. */
  readonly put: readonly SchemaObject[]
  /** The keys of what is gone. */
  readonly gone: readonly string[]
}

/** The schema that migrations make, and how each of them leaves it; this is what a bundle keeps. */
export interface SchemaStory {
  /** The major version that the definitions were read from. */
  readonly major: number
  /** In the order in which they are applied, those that run again whenever they have changed last. */
  readonly steps: readonly SchemaStep[]
  readonly notModelled: readonly string[]
  /** The keys of what was there before the first of them; left out when there was nothing. */
  readonly given?: readonly string[]
}

/** `sha256:` of all lines of a description. */
export function digestOfSchema(objects: readonly SchemaObject[]): string {
  const hash = createHash('sha256')
  for (const { kind, name, is, of = '' } of inOrder(objects)) hash.update(`${JSON.stringify([kind, name, is, of])}\n`)
  return `sha256:${hash.digest('hex')}`
}

/** How a migration got from one schema to the next. */
export function stepBetween(
  migration: string,
  before: readonly SchemaObject[],
  after: readonly SchemaObject[],
): SchemaStep {
  const earlier = new Map(before.map((one) => [keyOf(one), one]))
  const later = new Map(after.map((one) => [keyOf(one), one]))
  const isNew = (one: SchemaObject) => {
    const was = earlier.get(keyOf(one))
    return was?.is !== one.is || was.of !== one.of
  }
  return {
    migration,
    digest: digestOfSchema(after),
    put: after.filter(isNew),
    gone: [...earlier.keys()].filter((key) => !later.has(key)),
  }
}

/**
 * The schema after the migration of that name, or after all; null when the story does not know it. Steps left out, as of
 * migrations that wait, leave things as they were; what a later step has to do with as well may be either way.
 */
export function schemaAfter(
  story: SchemaStory,
  migration?: string,
  without: ReadonlySet<string> = new Set(),
): Description | null {
  const names = story.steps.map((step) => step.migration)
  const last = migration === undefined ? names.length - 1 : names.lastIndexOf(migration.normalize('NFC'))
  if (last === -1 && migration !== undefined) return null
  const objects = new Map<string, SchemaObject>()
  const left = new Set<string>()
  const open = new Set<string>()
  for (const { migration: name, put, gone } of story.steps.slice(0, last + 1)) {
    const keys = [...gone, ...put.map(keyOf)]
    if (without.has(name)) {
      for (const key of keys) left.add(key)
      continue
    }
    for (const key of keys) if (left.has(key)) open.add(key)
    for (const key of gone) objects.delete(key)
    for (const one of put) objects.set(keyOf(one), one)
  }
  for (const key of open) objects.delete(key)
  const { steps: _, ...known } = story
  const rest = open.size === 0 ? known : { ...known, given: [...(story.given ?? []), ...open] }
  // What has no line is only known of the end.
  const notModelled = last === names.length - 1 ? rest.notModelled : []
  return { ...rest, notModelled, objects: inOrder([...objects.values()]), unseen: [] }
}
