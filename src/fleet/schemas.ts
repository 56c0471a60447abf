import { describeTarget, tenantSearchPath } from '../config/database/target.ts'
import type { Config } from '../config/config.ts'
import { Failure } from '../errors.ts'
import { localReader } from '../run/rehearse/pending.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import type { FleetTarget } from './fleet.ts'

/**
 * The tenants that are schemas of the run's database, in the order of their names. Throws USAGE when a pattern names none,
 * because a fleet that is empty by mistake would look as if all were done.
 */
export async function targetsOfSchemas(run: Run): Promise<FleetTarget[]> {
  const { config } = run
  const target = config.target!
  const patterns = config.fleet.schemas ?? []
  if (config.writeBack) throw refuseWriteBack()
  const found = await withServer(run, requireAnswer, async (session) => {
    const literal = (text: string) => session.client.escapeLiteral(text)
    const likes = patterns.map((pattern) => literal(likeOf(pattern)))
    return localReader(run, session).query<{ name: string; pattern: number }>(
      `select n.nspname::text as name, (p.i - 1)::int as pattern
       from pg_catalog.pg_namespace n,
         pg_catalog.unnest(array[${likes.join(', ')}]::text[]) with ordinality as p (pattern, i)
       where n.nspname like p.pattern and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
         and n.nspname <> ${literal(config.schema)} and (n.nspname <> 'public' or p.pattern = 'public')
       order by n.nspname`,
    )
  })
  const empty = patterns.filter((_, i) => !found.some(({ pattern }) => pattern === i))
  if (empty.length > 0) {
    throw new Failure('USAGE', `no schema is called ${empty.join(' or ')} in ${describeTarget(target)}`, {
      next: 'Set UPFRONT_FLEET_SCHEMAS to names or patterns of schemas that exist; whoever makes a tenant makes its schema.',
    })
  }
  return [...new Set(found.map(({ name }) => name))].map((schema) => ({
    name: schema,
    group: null,
    target: { ...target, searchPath: tenantSearchPath(schema) },
    schema,
  }))
}

/** The configuration of one of a fleet: the same settings, its database, and our tables where a tenant has them. */
export function configOf(config: Config, { target, schema }: FleetTarget): Config {
  return { ...config, target, ...(schema === null ? {} : { schema, tenant: true }) }
}

/** A pattern for LIKE: only the `*` of ours is special. */
function likeOf(pattern: string): string {
  return pattern.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')
}

/** The folder's own tool keeps one table for a database, and would be told that all tenants are as the last one. */
function refuseWriteBack(): Failure {
  return new Failure('USAGE', 'UPFRONT_WRITE_BACK goes with databases, not with UPFRONT_FLEET_SCHEMAS', {
    next: 'Leave UPFRONT_WRITE_BACK out: other tools keep one history for a database.',
  })
}
