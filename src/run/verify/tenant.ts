import type { Session } from '../../postgres/session.ts'
import type { Description } from '../../schema/description.ts'
import { type SchemaName, movedTo, storyMovedTo } from '../../schema/moved.ts'
import type { SchemaStory } from '../../schema/steps.ts'

/** What a tenant's schema should hold: what the migrations make in `public` of an empty database, because they name none. */
export async function expectedOfTenant(session: Session, schema: string, expected: Description): Promise<Description> {
  return movedTo(expected, await nameOf(session, schema))
}

/** How it comes to that, migration by migration; what they make outside of it is of all tenants, and left out. */
export async function storyOfTenant(session: Session, schema: string, story: SchemaStory): Promise<SchemaStory> {
  return storyMovedTo(story, await nameOf(session, schema))
}

async function nameOf(session: Session, schema: string): Promise<SchemaName> {
  // Without parameters, because whoever only reads sends its questions together with settings.
  const [row] = await session.query<{ quoted: string }>(
    `select pg_catalog.quote_ident(${session.client.escapeLiteral(schema)}) as quoted`,
  )
  return { schema, quoted: row!.quoted }
}
