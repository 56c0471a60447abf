import { Failure } from '../../errors.ts'
import type { Bundle, Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { startJob } from '../job.ts'
import { migrate } from '../up/migrate.ts'
import type { Run } from '../run.ts'
import { requirePrimary, withServer } from '../server.ts'
import type { TargetState } from './pending.ts'
import { type Surroundings, readPath } from './surroundings.ts'

/** How an empty database becomes what the target is. */
export interface Replay {
  readonly bundle: Bundle
  readonly target: TargetState
  /** Whether the server is nobody's either, so that roles can be made on it. */
  readonly ownServer: boolean
}

/** Applies what the target has applied, and makes what is there besides; answers what could not be made like it, as sentences. */
export async function replay(run: Run, { bundle, target, ownServer }: Replay): Promise<string[]> {
  const { applied, surroundings } = target
  if (ownServer) await withServer(run, requirePrimary, (session) => makeRoles(session, surroundings.roles))
  if (run.config.tenant) await withServer(run, requirePrimary, (session) => makeTenant(session, run.config.schema))
  const done: Bundle = {
    ...bundle,
    // What held there, with its rows, when it was applied.
    open: async (which) => (await bundle.open(which)).map(withoutAssertion),
    list: async () => applied.migrations,
    listRepeatable: async () => applied.repeatable,
  }
  if (applied.migrations.length + applied.repeatable.length > 0)
    await orSayWhere(() =>
      withServer(run, requirePrimary, (session) => migrate(startJob(run, 'up', done, null), session)),
    )
  const { partitions } = surroundings
  const { tenant, schema } = run.config
  const path = surroundings.path.filter((one) => !(tenant && one === schema))
  // The database is as every database is: nothing to ask for.
  if (partitions.length === 0 && path.every((one) => one === 'public')) return []
  return withServer(run, requirePrimary, async (session) => [
    ...(await comparePaths(session, path)),
    ...(await makePartitions(session, surroundings)),
  ])
}

function withoutAssertion(one: Migration): Migration {
  const { assertion: _, ...rest } = one
  return rest
}

async function orSayWhere(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof Failure) || !/^(FAILED|PARTIAL|DENIED|INVALID)$/.test(error.code)) throw error
    throw new Failure(
      error.code === 'INVALID' ? 'INVALID' : 'FAILED',
      `what the target has applied does not run on the shadow, so nothing was rehearsed: ${error.message}`,
      {
        ...error.facts,
        next:
          'The shadow may lack what the platform has made there: an extension, a schema, a role. Name a server that has ' +
          'them (UPFRONT_SHADOW_DATABASE_URL), or rehearse on a copy (--clone) or in a transaction of the target (--on-target).',
      },
      error,
    )
  }
}

/** The schema of a tenant is made by whoever makes the tenant, and by no migration. */
async function makeTenant(session: Session, schema: string): Promise<void> {
  await session.query(`create schema if not exists ${session.client.escapeIdentifier(schema)}`)
}

async function makeRoles(session: Session, roles: readonly string[]): Promise<void> {
  const rows = await session.query<{ name: string }>('select pg_catalog.quote_ident(rolname) as name from pg_catalog.pg_roles') // prettier-ignore
  const there = new Set(rows.map(({ name }) => name))
  for (const role of roles.filter((one) => !there.has(one))) await session.query(`create role ${role}`)
}

async function comparePaths(session: Session, expected: readonly string[]): Promise<string[]> {
  const path = await readPath(session)
  const lacking = expected.filter((one) => !path.includes(one))
  return lacking.length === 0
    ? []
    : [
        `on the target unqualified names are found in schemas that no migration makes, so here they mean something else: ${lacking.join(', ')}`,
      ]
}

/** Partitions that no migration has made are there too: what rewrites the parent rewrites them. */
async function makePartitions(session: Session, { partitions }: Surroundings): Promise<string[]> {
  const failed: string[] = []
  for (const { name, schema, parent, bound, key } of partitions) {
    const [found] = await session.query<{ missing: boolean }>(
      'select pg_catalog.to_regclass($1) is null and pg_catalog.to_regclass($2) is not null as missing',
      [name, parent],
    )
    if (!found!.missing) continue
    try {
      await session.query(`create schema if not exists ${schema}`)
      await session.query(
        `create table ${name} partition of ${parent} ${bound}${key === null ? '' : ` partition by ${key}`}`,
      )
    } catch {
      failed.push(name)
    }
  }
  return failed.length === 0
    ? []
    : [
        `partitions of the target that the shadow could not be given, so that what happens to them was not seen: ${failed.join(', ')}`,
      ]
}
