import { type LocalSettings, localValues } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import type { Row } from './part.ts'
import { canonical } from './settings.ts'

/**
 * Asks all questions in one message that is one transaction which only reads, and answers the rows of each. Inside of a
 * transaction that is open it asks what that has made, and leaves it as it was.
 */
export async function askAtOnce(
  session: Session,
  questions: readonly string[],
  local: LocalSettings | undefined,
): Promise<readonly (readonly Row[])[]> {
  const { client } = session
  const isInside = client.getTransactionStatus() === 'T'
  const back = isInside ? 'rollback to savepoint upfront_describe; release savepoint upfront_describe' : 'rollback'
  const values = { ...(local === undefined ? {} : localValues(local)), ...canonical }
  const settings = Object.entries(values).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${client.escapeLiteral(value)}, true)`,
  )
  const text = [
    isInside ? 'savepoint upfront_describe' : 'begin isolation level repeatable read read only',
    `select ${settings.join(', ')}`,
    ...questions,
    isInside ? back : 'commit',
  ].join(';\n')
  try {
    const results = await client.query({ text, rowMode: 'array' })
    return (results as unknown as readonly { rows: readonly Row[] }[])
      .slice(2, 2 + questions.length)
      .map(({ rows }) => rows)
  } catch (error) {
    await session.query(back).catch(() => {})
    throw error
  }
}
