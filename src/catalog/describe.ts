import type { Session } from '../postgres/session.ts'
import { type Description, type SchemaObject, inOrder } from '../schema/description.ts'
import { columns } from './describe/columns.ts'
import { constraints } from './describe/constraints.ts'
import { countedWith } from './describe/counted.ts'
import { aggregates, functions } from './describe/functions.ts'
import { indexes, statistics } from './describe/indexes.ts'
import type { Part, Row } from './describe/part.ts'
import { policies } from './describe/policies.ts'
import { publications } from './describe/publications.ts'
import { queries, tables, views } from './describe/relations.ts'
import { collations, extensions, schemas } from './describe/schemas.ts'
import { sequences } from './describe/sequences.ts'
import { canonical } from './describe/settings.ts'
import { eventTriggers, rules, triggers } from './describe/triggers.ts'
import { compositeTypes, domains, enums, rangeTypes } from './describe/types.ts'

/** What a description leaves out. */
export interface Describing {
  /** Schemas that are not of the bundle, with all in them: that of our own tables. */
  readonly without: readonly string[]
  /** Tables that another tool keeps for itself, qualified and quoted, with all that is of them. */
  readonly withoutTables: readonly string[]
}

// prettier-ignore
const parts: readonly Part[] = [
  schemas, extensions, collations, tables, views, queries, columns, constraints, indexes, statistics, sequences, enums,
  domains, compositeTypes, rangeTypes, functions, aggregates, triggers, rules, policies, publications, eventTriggers,
]

/** Everything that the session's database holds but what extensions brought; one message, one snapshot, read only. */
export async function describeSchema(session: Session, describing: Describing): Promise<Description> {
  const { client, serverVersion } = session
  const literals = (names: readonly string[]) => names.map((name) => client.escapeLiteral(name))
  const counted = countedWith({
    schemas: literals(describing.without),
    tables: literals(describing.withoutTables),
  })
  const settings = Object.entries(canonical).map(
    ([name, value]) => `set_config('${name}', ${client.escapeLiteral(value)}, true)`,
  )
  const text = [
    'begin isolation level repeatable read read only',
    `select ${settings.join(', ')}`,
    ...parts.map(({ sql }) => `${counted}\n${sql(serverVersion)}`),
    'commit',
  ].join(';\n')
  const results = (await client.query({ text, rowMode: 'array' }).catch(async (error: unknown) => {
    await session.query('rollback').catch(() => {})
    throw error
  })) as unknown as readonly { readonly rows: readonly Row[] }[]
  const objects = results.slice(2, -1).flatMap(({ rows }) => rows.map(toObject))
  return { major: Math.floor(serverVersion / 10_000), objects: inOrder(objects), notModelled: [], unseen: [] }
}

function toObject([kind, name, schema, is, of, sameMajor]: Row): SchemaObject {
  return { kind, name, schema, is, ...(of === null ? {} : { of }), ...(sameMajor ? { sameMajor } : {}) }
}
