import pg from 'pg'
import type { Session } from './session.ts'

/**
 * Asks as on a session with local settings, and hands over each row when it comes, so that a hundred thousand of them are
 * never in memory together. What `take` throws ends the question.
 */
export async function streamRows(
  session: Session,
  settings: Readonly<Record<string, string>>,
  question: string | Required<Pick<pg.QueryConfig, 'text' | 'types'>>,
  take: (row: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const asked = typeof question === 'string' ? { text: question } : question
  const calls = Object.entries(settings).map(
    ([name, value]) => `pg_catalog.set_config('${name}', ${session.client.escapeLiteral(value)}, true) as _set`,
  )
  await new Promise<void>((resolve, reject) => {
    const text = `select ${calls.join(', ')};\n${asked.text}`
    const query = new pg.Query<Record<string, unknown>>({ ...asked, text })
    let thrown: unknown
    query.on('row', (row: Record<string, unknown>) => {
      if (thrown !== undefined || '_set' in row) return
      try {
        take(row)
      } catch (error) {
        thrown = error
      }
    })
    query.on('error', reject)
    query.on('end', () => (thrown === undefined ? resolve() : reject(thrown)))
    session.client.query(query)
  })
}
