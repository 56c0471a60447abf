import type { Session } from '../../postgres/session.ts'
import type { Description } from '../../schema/description.ts'
import { movedTo } from '../../schema/moved.ts'

/** What a tenant's schema should hold: what the migrations make in `public` of an empty database, because they name none. */
export async function expectedOfTenant(session: Session, schema: string, expected: Description): Promise<Description> {
  // Without parameters, because whoever only reads sends its questions together with settings.
  const [row] = await session.query<{ quoted: string }>(
    `select pg_catalog.quote_ident(${session.client.escapeLiteral(schema)}) as quoted`,
  )
  return movedTo(expected, { schema, quoted: row!.quoted })
}
