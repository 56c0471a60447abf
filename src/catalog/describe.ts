import type { Session } from '../postgres/session.ts'
import type { Description } from '../schema/description.ts'

/** What a description leaves out. */
export interface Describing {
  /** Schemas that are not of the bundle, with all in them: that of our own tables. */
  readonly without: readonly string[]
  /** Tables that another tool keeps for itself, qualified and quoted, with all that is of them. */
  readonly withoutTables: readonly string[]
}

/** Everything that the session's database holds but what extensions brought; one message, one snapshot, read only. */
export async function describeSchema(session: Session, { without }: Describing): Promise<Description> {
  throw new Error(`not yet: ${session.at.host} ${without.join()}`)
}
