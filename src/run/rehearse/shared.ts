import type { Target } from '../../config/database/target.ts'
import { Failure } from '../../errors.ts'
import { type ServerIdentity, readBackend } from '../../postgres/backend.ts'
import type { Run } from '../run.ts'
import { requireAnswer, withServer } from '../server.ts'
import { quiet } from '../shadow/quiet.ts'
import { elsewhere } from '../shadow/scratch.ts'
import type { PendingMigration } from './rehearsing.ts'

/** What all databases of a server have in common, also in the text of a DO; a user mapping is of one database. */
const shared =
  /\b(?:create|alter|drop|comment\s+on)\s+(?:role|user(?!\s+mapping)|group|database|tablespace|subscription)\b|\b(?:alter\s+system|reassign\s+owned)\b/i

const kinds: ReadonlySet<string> = new Set(['GrantRoleStmt'])

/**
 * Throws REFUSED when what is pending changes what all databases of a server share and `server` is that of the target:
 * such a change would be made in earnest, and nobody would take it back. Else answers what stays on that server, as sentences.
 */
export async function refuseShared(run: Run, pending: readonly PendingMigration[], server: Target): Promise<string[]> {
  const list = pending.flatMap(whatIsShared)
  if (list.length === 0) return []
  if (!(await isOnTarget(run, server)))
    return [`what this changes on the whole server of the shadow stays there: ${list.join(', ')}`]
  throw new Failure(
    'REFUSED',
    'what is pending changes more than its database, on the server of the target; nothing was rehearsed',
    {
      list,
      next:
        'Rehearse it in a transaction (--on-target), which takes it back, on a shadow of another server ' +
        '(UPFRONT_SHADOW_DATABASE_URL), or only what comes before: --to <name>.',
    },
  )
}

function whatIsShared({ one: { name, script } }: PendingMigration): string[] {
  if (script.kind === 'module') return []
  if (script.statements.some(({ kind }) => kinds.has(kind))) return [`${name}: grants or revokes a role`]
  for (const { sql } of script.chunks()) {
    const [found] = shared.exec(sql) ?? []
    if (found !== undefined) return [`${name}: ${found.toLowerCase().replace(/\s+/g, ' ')}`]
  }
  return []
}

async function isOnTarget(run: Run, server: Target): Promise<boolean> {
  const target = run.config.target!
  if (server === target) return true
  const ours = await identify(elsewhere(run, target, quiet(run)))
  const theirs = await identify(elsewhere(run, server, quiet(run)))
  const mayBe = ours.system === null || theirs.system === null || ours.system === theirs.system
  return mayBe && ours.started === theirs.started
}

function identify(run: Run): Promise<ServerIdentity> {
  return withServer(run, requireAnswer, async (session) => (await readBackend(session)).server)
}
