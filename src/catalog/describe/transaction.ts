import { type LocalSettings, localValues } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import type { Row } from './part.ts'
import { canonical } from './settings.ts'

/** How it is asked. */
export interface Asking {
  /** For a session on which none are set, because a pooler may stand before it; they leave no trace on it. */
  readonly local?: LocalSettings
  /** For a session that is ours alone. */
  readonly prepared?: Prepared
}

/** What a session has prepared: the name of each question there. */
export type Prepared = Map<string, string>

/**
 * Asks all questions in one message that is one transaction which only reads, and answers the rows of each. Inside of a
 * transaction that is open it asks what that has made, and leaves it as it was. What is once prepared is not planned again,
 * which for a small schema takes longer than the answers.
 */
export async function askAtOnce(
  session: Session,
  questions: readonly string[],
  { local, prepared }: Asking,
): Promise<readonly (readonly Row[])[]> {
  const { client } = session
  const isInside = client.getTransactionStatus() === 'T'
  const back = isInside ? 'rollback to savepoint upfront_describe; release savepoint upfront_describe' : 'rollback'
  const values = { ...(local === undefined ? {} : localValues(local)), ...canonical }
  const settings = Object.entries(values).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${client.escapeLiteral(value)}, true)`,
  )
  const before = prepared === undefined ? [] : prepareNew(prepared, questions)
  const text = [
    isInside ? 'savepoint upfront_describe' : 'begin isolation level repeatable read read only',
    `select ${settings.join(', ')}`,
    ...before,
    ...questions.map((sql) => (prepared === undefined ? sql : `execute ${prepared.get(sql)}`)),
    isInside ? back : 'commit',
  ].join(';\n')
  try {
    const results = await client.query({ text, rowMode: 'array' })
    return (results as unknown as readonly { rows: readonly Row[] }[])
      .slice(2 + before.length, 2 + before.length + questions.length)
      .map(({ rows }) => rows)
  } catch (error) {
    await session.query(back).catch(() => {})
    throw error
  }
}

function prepareNew(prepared: Prepared, questions: readonly string[]): string[] {
  const fresh = questions.filter((sql) => !prepared.has(sql))
  for (const sql of fresh) prepared.set(sql, `upfront_describe_${prepared.size}`)
  return fresh.map((sql) => `prepare ${prepared.get(sql)} as ${sql}`)
}
