import pg from 'pg'
import { Failure } from '../../errors.ts'
import type { Session } from '../session.ts'

/** DENIED with the statement that mends it, when the role is what the server refused; any other error as it is. */
export async function explainRole(session: Session, role: string, error: unknown): Promise<unknown> {
  const { code } = error as { code?: string }
  if (code !== '22023' && code !== '42501') return error
  // Postgres' words may be in any language, so it is asked for this one thing again.
  const refusal = await session.query(`begin; set local role ${pg.escapeIdentifier(role)}; rollback`).then(
    () => undefined,
    (cause: unknown) => cause as Error & { code?: string },
  )
  if (refusal === undefined) return error
  await session.query('rollback').catch(() => {})
  const [wanted, login] = [role, session.client.user ?? ''].map((name) => pg.escapeIdentifier(name))
  const isMissing = refusal.code === '22023'
  return new Failure(
    'DENIED',
    isMissing
      ? `the role ${wanted} (UPFRONT_ROLE) does not exist`
      : `the role ${login} may not become ${wanted} (UPFRONT_ROLE)`,
    {
      ...(refusal.code === undefined ? {} : { sqlstate: refusal.code }),
      reason: refusal.message,
      next: `As a superuser: ${isMissing ? `create role ${wanted}; ` : ''}grant ${wanted} to ${login};`,
    },
    error,
  )
}
