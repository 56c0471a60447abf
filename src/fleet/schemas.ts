import { describeTarget, tenantSearchPath } from '../config/database/target.ts'
import type { Config } from '../config/config.ts'
import { Failure } from '../errors.ts'
import { localValues } from '../postgres/local-settings.ts'
import { streamRows } from '../postgres/stream-rows.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import { type FleetTarget, type Listed, hostsOf, placeAt } from './fleet.ts'

/**
 * Hands over the tenants that are schemas of the run's database, in the order of their names. Throws USAGE when a pattern
 * names none, because a fleet that is empty by mistake would look as if all were done.
 */
export async function listSchemas(run: Run, take: (one: Listed) => void): Promise<void> {
  const { config } = run
  const target = config.target!
  const patterns = config.fleet.schemas ?? []
  if (config.writeBack) throw refuseWriteBack()
  const empty = new Set(patterns.keys())
  const hosts = hostsOf(target)
  await withServer(run, requireAnswer, async (session) => {
    const literal = (text: string) => session.client.escapeLiteral(text)
    const likes = patterns.map((pattern) => literal(likeOf(pattern)))
    const sql = `select n.nspname::text as name, n.oid::text as oid, pg_catalog.array_agg((p.i - 1)::int) as patterns
       from pg_catalog.pg_namespace n,
         pg_catalog.unnest(array[${likes.join(', ')}]::text[]) with ordinality as p (pattern, i)
       where n.nspname like p.pattern and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
         and n.nspname <> ${literal(config.schema)} and (n.nspname <> 'public' or p.pattern = 'public')
         and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_namespace'::regclass
           and d.objid = n.oid and d.deptype = 'e')
       group by n.oid, n.nspname order by n.nspname`
    await streamRows(session, localValues({ lockTimeoutMs: config.lockTimeoutMs, role: target.role }), sql, (row) => {
      const { name: schema, oid, patterns: found } = row as { name: string; oid: string; patterns: number[] }
      for (const pattern of found) empty.delete(pattern)
      const open = () => ({
        name: schema,
        group: null,
        target: { ...target, searchPath: tenantSearchPath(schema) },
        schema,
      })
      take({ name: schema, group: null, place: placeAt(hosts, target.database, { name: schema, oid }), open })
    })
  })
  if (empty.size === 0) return
  const named = [...empty].map((i) => patterns[i]).join(' or ')
  throw new Failure('USAGE', `no schema is called ${named} in ${describeTarget(target)}`, {
    next:
      'Set UPFRONT_FLEET_SCHEMAS to names or patterns of schemas that exist; whoever makes a tenant makes its schema. ' +
      "Never one are Postgres' own schemas, an extension's and that of our own tables; public is one only by its name.",
  })
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
