/** What a schema is made of, in the order in which people read it. */
export const objectKinds = [
  'extension',
  'schema',
  'enum',
  'domain',
  'composite type',
  'range type',
  'collation',
  'sequence',
  'table',
  'foreign table',
  'view',
  'materialized view',
  'column',
  'constraint',
  'index',
  'statistics',
  'function',
  'procedure',
  'aggregate',
  'query',
  'rule',
  'trigger',
  'policy',
  'publication',
  'event trigger',
  'other',
  'owner',
  'grant',
  'default grant',
  'comment',
] as const

export type ObjectKind = (typeof objectKinds)[number]

/** Kinds that count only for who asks, because they differ from one database to the next for good reasons. */
export const onRequest = {
  owners: ['owner'],
  grants: ['grant', 'default grant'],
  comments: ['comment'],
} as const satisfies Readonly<Record<string, readonly ObjectKind[]>>

export type OnRequest = keyof typeof onRequest

/** One thing of a schema as one line: what it is called, and everything that makes it what it is. */
export interface SchemaObject {
  readonly kind: ObjectKind
  /** Qualified and quoted as Postgres writes it, unique in its kind: `app.users.email`. */
  readonly name: string
  /** The schema that it stands in, unquoted; null for what stands in none. */
  readonly schema: string | null
  /** Its definition in the words of Postgres; '' when that it exists is all there is to say. */
  readonly is: string
  /** The key of what it is a part of, and cannot be without: a column's table. */
  readonly of?: string
  /** Set when another major version may write the same thing otherwise. */
  readonly sameMajor?: true
}

/** All that one database holds but what extensions brought; read in one snapshot. */
export interface Description {
  /** The major version of the server. */
  readonly major: number
  /** Each key once, in the order of the kinds and then of the names. */
  readonly objects: readonly SchemaObject[]
  /** What is there of kinds that are not described, each named: `operator class app.by_length`. */
  readonly notModelled: readonly string[]
  /** The keys of what the platform has made, and nobody claims; left out when there is none. */
  readonly given?: readonly string[]
  /** What the role may not look at, as sentences; what it may is all the same described. */
  readonly unseen: readonly string[]
  /** The kinds that it says nothing of, because the role may not look at them. */
  readonly hidden?: readonly ObjectKind[]
}

/** What one thing is called among all of a description. */
export function keyOf({ kind, name }: Pick<SchemaObject, 'kind' | 'name'>): string {
  return `${kind} ${name}`
}

/** Sorts as a description is sorted; the same on every machine. */
export function inOrder(objects: readonly SchemaObject[]): SchemaObject[] {
  const rank = new Map<ObjectKind, number>(objectKinds.map((kind, i) => [kind, i]))
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return [...objects].sort((a, b) => rank.get(a.kind)! - rank.get(b.kind)! || byName(a.name, b.name))
}
