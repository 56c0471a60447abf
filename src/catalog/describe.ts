import { explainRole } from '../postgres/connect/role.ts'
import type { Session } from '../postgres/session.ts'
import { type Description, type SchemaObject, inOrder } from '../schema/description.ts'
import { isOfDatabase } from '../schema/moved.ts'
import { columns } from './describe/columns.ts'
import { comments } from './describe/comments.ts'
import { constraints } from './describe/constraints.ts'
import { countedWith } from './describe/counted.ts'
import { aggregates, functions } from './describe/functions.ts'
import { defaultGrants, grants, owners } from './describe/grants.ts'
import { indexes, statistics } from './describe/indexes.ts'
import { notModelled } from './describe/not-modelled.ts'
import type { Part, Row } from './describe/part.ts'
import { policies } from './describe/policies.ts'
import { publications } from './describe/publications.ts'
import { queries, tables, views } from './describe/relations.ts'
import { collations, extensions, schemas } from './describe/schemas.ts'
import { sequences } from './describe/sequences.ts'
import { type Asking, askAtOnce } from './describe/transaction.ts'
import { eventTriggers, rules, triggers } from './describe/triggers.ts'
import { compositeTypes, domains, enums, rangeTypes } from './describe/types.ts'
import { type Question, findUnseen } from './describe/unseen.ts'

/** What a description leaves out, and as whom it is made. */
export interface Describing extends Asking {
  /** Schemas that are not of the bundle, with all in them: that of our own tables. */
  readonly without: readonly string[]
  /** Tables that another tool keeps for itself, qualified and quoted, with all that is of them. */
  readonly withoutTables: readonly string[]
  /** The one schema that is described, without what stands in none and without itself; all of them when it is left out. */
  readonly only?: string
}

// prettier-ignore
const parts: readonly Part[] = [
  schemas, extensions, collations, tables, views, queries, columns, constraints, indexes, statistics, sequences, enums,
  domains, compositeTypes, rangeTypes, functions, aggregates, triggers, rules, policies, publications, eventTriggers,
  owners, grants, defaultGrants, comments,
]

/**
 * Everything that the session's database holds but what extensions brought; one message, one snapshot, read only. In a
 * transaction that is open it is what that transaction sees.
 */
export async function describeSchema(session: Session, describing: Describing): Promise<Description> {
  const literals = (names: readonly string[]) => names.map((name) => session.client.escapeLiteral(name))
  const { only } = describing
  const counted = countedWith({
    schemas: literals(describing.without),
    tables: literals(describing.withoutTables),
    ...(only === undefined ? {} : { allBut: session.client.escapeLiteral(only) }),
  })
  const questions = [...parts, notModelled].map(({ about, kinds, sql }) => ({
    about,
    kinds,
    sql: `${counted}\n${sql(session.serverVersion)}`,
  }))
  const { answers, unseen } = await askWhatIsAllowed(session, questions, describing)
  const isAsked = (one: SchemaObject) => only === undefined || (one.schema === only && !isOfDatabase(one))
  const objects: SchemaObject[] = []
  for (const question of questions.slice(0, -1))
    for (const row of answers.get(question) ?? []) {
      const one = toObject(row)
      if (isAsked(one)) objects.push(one)
    }
  const strange = answers.get(questions.at(-1)!) as readonly (readonly [string])[] | undefined
  return {
    major: Math.floor(session.serverVersion / 10_000),
    objects: inOrder(objects),
    notModelled: (strange ?? []).map(([name]) => name).sort(),
    unseen: [...unseen.values()],
    ...(unseen.size === 0 ? {} : { hidden: [...unseen.keys()].flatMap(({ kinds }) => kinds) }),
  }
}

interface Heard {
  readonly answers: ReadonlyMap<Question, readonly Row[]>
  readonly unseen: ReadonlyMap<Question, string>
}

/** Only who is refused something is asked what, so that everybody else answers one message. */
async function askWhatIsAllowed(session: Session, questions: readonly Question[], asking: Asking): Promise<Heard> {
  const { local } = asking
  const ask = async (asked: readonly Question[], unseen: Heard['unseen']): Promise<Heard> => {
    const rows = await askPatiently(session, asked, asking)
    return { answers: new Map(asked.map((question, i) => [question, rows[i]!])), unseen }
  }
  try {
    return await ask(questions, new Map())
  } catch (error) {
    const { code } = error as { code?: string }
    const cause = local?.role === undefined ? error : await explainRole(session, local.role, error)
    if (code !== '42501' || cause !== error) throw cause
    const unseen = await findUnseen(session, questions, local)
    if (unseen.size === 0) throw error
    return ask(
      questions.filter((question) => !unseen.has(question)),
      unseen,
    )
  }
}

const attempts = 3

/** What somebody drops while it is being looked at is an internal error of Postgres' own functions. */
async function askPatiently(
  session: Session,
  questions: readonly Question[],
  asking: Asking,
): Promise<readonly (readonly Row[])[]> {
  for (let left = attempts; ; left -= 1) {
    try {
      return await askAtOnce(
        session,
        questions.map(({ sql }) => sql),
        asking,
      )
    } catch (error) {
      if ((error as { code?: string }).code !== 'XX000' || left === 1) throw error
    }
  }
}

function toObject([kind, name, schema, is, of, sameMajor]: Row): SchemaObject {
  if (sameMajor) return of === null ? { kind, name, schema, is, sameMajor } : { kind, name, schema, is, of, sameMajor }
  return of === null ? { kind, name, schema, is } : { kind, name, schema, is, of }
}
