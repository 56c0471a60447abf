import type { Session } from './session.ts'

/** Whether the server refused to write because it has become a standby: what was to be done belongs on the new primary. */
export async function isDemoted(session: Session, cause: unknown): Promise<boolean> {
  if ((cause as { code?: string }).code !== '25006') return false
  const [row] = await session
    .query<{ standby: boolean }>('select pg_catalog.pg_is_in_recovery() as standby')
    .catch(() => [])
  return row?.standby ?? true
}
