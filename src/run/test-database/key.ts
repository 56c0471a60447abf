import { createHash } from 'node:crypto'
import type { Bundle, SeedBundle } from '../../migration.ts'
import { version } from '../../version.ts'
import { seedKey } from '../job.ts'
import type { Run } from '../run.ts'

/**
 * One hash of all that the content of a test database depends on, of who owns what is in it, and of the database in
 * which the lock for it is held: whoever has the same key waits for the same lock, and no other.
 */
export function templateKey({ config }: Run, bundle: Bundle, seeds: SeedBundle | null): string {
  const { schema, placeholders, adopt, writeBack, format } = config
  const { database, user, role, searchPath, options } = config.target!
  const settings = { schema, placeholders, adopt, writeBack, format, database, user, role, searchPath, options }
  const all = [version, bundle.digest, seeds && seedKey(seeds), settings]
  return createHash('sha256').update(JSON.stringify(all)).digest('hex')
}
