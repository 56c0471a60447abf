import {
  type Description,
  type ObjectKind,
  type OnRequest,
  type SchemaObject,
  keyOf,
  objectKinds,
  onRequest,
} from './description.ts'

/** How a live schema differs from the one that was expected; each list in the order of a description. */
export interface Difference {
  readonly missing: readonly SchemaObject[]
  readonly unexpected: readonly SchemaObject[]
  readonly different: readonly Changed[]
  /** How many of the expected things were held against it. */
  readonly compared: number
  /** What could not be compared, as sentences: no difference, but no proof either. */
  readonly notCompared: readonly string[]
}

export interface Changed {
  readonly expected: SchemaObject
  readonly found: SchemaObject
}

/** What counts. */
export interface Comparing {
  /** Patterns of what the bundle does not claim: `audit.*`, `public.legacy_*`, `audit`; a `*` is any text. */
  readonly exclude: readonly string[]
  /** Which of the kinds that count only on request do. */
  readonly also: readonly OnRequest[]
}

/**
 * Holds a live schema against the expected one. Of a thing that is missing or unexpected its parts are not listed, and
 * definitions that only one major version writes in that way are compared within that version.
 */
export function compareSchemas(expected: Description, live: Description, comparing: Comparing): Difference {
  const isCounted = countedBy(comparing)
  const hidden = new Set([...(expected.hidden ?? []), ...(live.hidden ?? [])])
  const counts = (one: SchemaObject) => isCounted(one) && !hidden.has(one.kind)
  const isNamed = excludedBy(comparing.exclude)
  const given = new Set(expected.given)
  // In a schema of the platform's anything may be, and what we have there is claimed.
  const spaces = new Set<string | null>()
  for (const { objects } of given.size === 0 ? [] : [expected, live])
    for (const one of objects) if (one.kind === 'schema' && given.has(keyOf(one))) spaces.add(one.schema)
  const isGiven = (key: string, { of, schema }: SchemaObject) =>
    given.has(key) || (of !== undefined && given.has(of)) || (schema !== null && spaces.has(schema))
  // No migration has made it, so it is only missed by what stands in it.
  const isUnused = (key: string, { of }: SchemaObject) =>
    (key === 'schema public' || of === 'schema public') &&
    !expected.objects.some(({ kind, schema, of }) => schema === 'public' && kind !== 'schema' && of !== 'schema public')
  const wanted = byKey(expected.objects, (_, one) => counts(one))
  // What the bundle claims is compared, whatever the patterns say.
  const found = byKey(
    live.objects,
    (key, one) => counts(one) && (wanted.has(key) || !(isGiven(key, one) || isNamed(one))),
  )
  const sameMajor = expected.major === live.major
  const skipped = new Map<ObjectKind, number>()
  const missing: SchemaObject[] = []
  const different: Changed[] = []
  for (const [key, one] of wanted) {
    const other = found.get(key)
    if (!other) {
      if (!isUnused(key, one)) missing.push(one)
    } else if (other.is !== one.is || other.of !== one.of) {
      if (sameMajor || !(one.sameMajor ?? other.sameMajor)) different.push({ expected: one, found: other })
      else skipped.set(one.kind, (skipped.get(one.kind) ?? 0) + 1)
    }
  }
  const unexpected: SchemaObject[] = []
  for (const [key, one] of found) if (!wanted.has(key)) unexpected.push(one)
  return {
    missing: [...withoutParts(missing), ...(hidden.has('other') ? [] : missingOthers(expected, live))],
    unexpected: withoutParts(unexpected),
    different,
    compared: wanted.size,
    notCompared: notCompared(expected, live, skipped),
  }
}

/** Makes each key once, because of a large schema they are megabytes. */
function byKey(
  objects: readonly SchemaObject[],
  isOne: (key: string, one: SchemaObject) => boolean,
): ReadonlyMap<string, SchemaObject> {
  const all = new Map<string, SchemaObject>()
  for (const one of objects) {
    const key = keyOf(one)
    if (isOne(key, one)) all.set(key, one)
  }
  return all
}

/** Of what has no line, that it is not there can be told all the same. */
function missingOthers(expected: Description, live: Description): SchemaObject[] {
  const there = new Set(live.notModelled)
  return expected.notModelled
    .filter((name) => !there.has(name) && !belongsToPlace.test(name))
    .map((name) => ({ kind: 'other', name, schema: null, is: '' }))
}

/** What is data, or of whoever has made it there. */
const belongsToPlace = /^(large objects|security labels|user mapping|subscription)\b/

/** Whether nothing differs; what could not be compared is another question. */
export function isSame({ missing, unexpected, different }: Difference): boolean {
  return missing.length + unexpected.length + different.length === 0
}

/** Whether a pattern names this thing, a schema it stands in, or what it is a part of. */
export function excludedBy(patterns: readonly string[]): (one: SchemaObject) => boolean {
  const tests = patterns.map((pattern) => {
    const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
    // A pattern for a table covers what is inside of it: its columns, its indexes by their own names.
    return new RegExp(`^${source}(\\..*)?$`, 's')
  })
  return ({ name, schema, of }) => {
    const owner = of?.slice(of.match(kindOfKey)![0].length)
    return tests.some(
      (test) => test.test(name) || (schema !== null && test.test(schema)) || (owner !== undefined && test.test(owner)),
    )
  }
}

/** What a key begins with: the comment on a column is of `column app.users.email`. */
const kindOfKey = new RegExp(`^(?:(?:${[...objectKinds].sort((a, b) => b.length - a.length).join('|')}) )?`)

function countedBy({ also }: Comparing): (one: SchemaObject) => boolean {
  const left = (Object.keys(onRequest) as OnRequest[]).filter((one) => !also.includes(one))
  const out = new Set<ObjectKind>(left.flatMap((one) => onRequest[one] as readonly ObjectKind[]))
  return ({ kind }) => !out.has(kind)
}

/** Who has lost a table is told so, and not of each of its columns. */
function withoutParts(objects: readonly SchemaObject[]): SchemaObject[] {
  const keys = new Set(objects.map(keyOf))
  return objects.filter(({ of, schema, kind }) => {
    if (of !== undefined && keys.has(of)) return false
    return kind === 'schema' || schema === null || !keys.has(`schema ${schema}`)
  })
}

function notCompared(expected: Description, live: Description, skipped: ReadonlyMap<ObjectKind, number>): string[] {
  const kinds = [...skipped].map(
    ([kind, count]) => `${count} ${kind}${count === 1 ? '' : kind === 'query' ? ' texts' : 's'}`,
  )
  return [
    ...(kinds.length === 0
      ? []
      : [
          `${kinds.join(', ')}: the bundle has them as Postgres ${expected.major} writes them, this server is ${live.major}`,
        ]),
    ...(live.notModelled.length === 0 ? [] : [`not modelled: ${live.notModelled.join(', ')}`]),
  ]
}
