import { type Adopter, type ForeignHistory, type Match, type Traced, matchByKey } from '../../history/adopt/adopter.ts'
import { adopterOf, adopters } from '../../history/adopt/adopters.ts'
import { homeMade } from '../../history/adopt/home-made.ts'
import { type Place, deniedForeign, refuseUnadopted } from '../../history/adopt/refuse.ts'
import type { HistoryRow } from '../../history/rows.ts'
import { readDecided } from '../../history/runs.ts'
import { historyTables } from '../../history/tables.ts'
import type { Bundle, Identity } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { mismatchPolicy } from '../mismatch-policy.ts'
import type { Run } from '../run.ts'

/** Another tool's history of this folder, held against those of its migrations that ours does not have. */
export interface Foreign extends Place {
  readonly match: Match
  /** Repeatable migrations that it has applied with the content of now, and ours does not have. */
  readonly repeatable: readonly Identity[]
}

/** Reads it; null when there is none, or the folder is one of ours. `ours` is what our own history has. */
export async function readForeign(
  { config }: Run,
  session: Session,
  bundle: Bundle,
  ours: readonly HistoryRow[],
): Promise<Foreign | null> {
  const adopter = adopterFor(config, bundle)
  const history = adopter && (await readOrDeny(config, session, adopter))
  if (!adopter || !history) return null
  const origins = await bundle.origins()
  const [migrations, again] = [await bundle.list(), await bundle.listRepeatable()]
  const trace = (files: readonly Identity[]) =>
    files.flatMap((migration): Traced | [] => {
      const origin = origins.get(migration.name.normalize('NFC'))
      return origin ? { migration, origin } : []
    })
  const match = adopter.match ?? matchByKey
  const whole = match(trace([...migrations, ...again]), history)
  const decided = await readDecided(session, historyTables(session, config))
  const isReverted = decided.some(({ action }) => action === 'reverted')
  const done = new Set(
    [
      ...ours.filter(({ state }) => state !== 'running').map(({ name }) => name),
      ...decided.map(({ name }) => name),
    ].map((name) => name.normalize('NFC')),
  )
  // One number says nothing of a file that came between those that our history has.
  const ran = new Set(
    ours.filter(({ state }) => state === 'applied' || state === 'adopted').map(({ name }) => name.normalize('NFC')),
  )
  const named = new Set(history.rows.map(({ key }) => key))
  const last = history.rows.some(({ covers }) => covers) ? migrations.findLastIndex(({ name }) => ran.has(name)) : -1
  for (const { name } of migrations.slice(0, Math.max(last, 0)))
    if (!named.has(origins.get(name)?.key ?? '')) done.add(name)
  const [isMigration, isAgain] = [migrations, again].map((files) => new Set(files.map(({ name }) => name)))
  const ofPending = (found: readonly Identity[], of = isMigration!) =>
    found.filter(({ name }) => of.has(name) && !done.has(name.normalize('NFC')))
  return {
    from: config.adopt === null ? adopter.format : 'another tool',
    history,
    match: {
      adopted: ofPending(whole.adopted),
      edited: ofPending(whole.edited),
      failed: [...ofPending(whole.failed), ...ofPending(whole.failed, isAgain!)],
      // What waits is passed over by design; among those that wait the plan tells which comes too late.
      skipped:
        mismatchPolicy(config, bundle).outOfOrder === 'apply'
          ? []
          : ofPending(whole.skipped).filter(({ contract }) => !contract),
      unknown: whole.unknown,
    },
    // What a down has taken may have been theirs, so they run again.
    repeatable: isReverted ? [] : ofPending(whole.adopted, isAgain!),
  }
}

/** Who reads the history that goes with this folder. */
export function adopterFor({ format, adopt, tenant, schema }: Run['config'], bundle: Bundle): Adopter | undefined {
  const own = format === 'auto' ? bundle.format : format
  if (adopt === null) return adopterOf(own)
  // The search_path would lead to public where a tenant has no such table.
  return homeMade(tenant && adopt.schema === null ? { ...adopt, schema } : adopt, own)
}

/** Whether a tool's table is the tenant's; where there are no tenants it is. */
export function ofTenant(
  session: Session,
  { tenant, schema }: Pick<Run['config'], 'tenant' | 'schema'>,
  table: string,
): boolean {
  const names = [schema, session.client.escapeIdentifier(schema)]
  return !tenant || names.some((name) => table.startsWith(`${name}.`))
}

/** Throws MISMATCH for a database with another history than the folder's, when nobody has said what it is to this folder. */
export async function refuseStrangersHistory({ config }: Run, session: Session, bundle: Bundle): Promise<void> {
  if (config.format !== 'auto' || config.adopt !== null) return
  const others = adopters.filter(({ format }) => format !== bundle.format)
  // One question for all, because on nearly every database none of them is there.
  const there = await namesOf(session, others.map(({ table }) => table)) // prettier-ignore
  for (const adopter of others) {
    if (!there.has(adopter.table)) continue
    const history = await readOrDeny(config, session, adopter)
    if (history && history.rows.length > 0) throw refuseUnadopted({ from: adopter.format, history })
  }
}

/** Those of the names that any relation of the database bears, wherever it is. */
async function namesOf(session: Session, names: readonly string[]): Promise<ReadonlySet<string>> {
  const list = names.map((name) => session.client.escapeLiteral(name)).join(', ')
  const found = await session.query<{ name: string }>(
    `select distinct relname::text as name from pg_catalog.pg_class where relname in (${list})`,
  )
  return new Set(found.map(({ name }) => name))
}

/**
 * What a tool's table says; DENIED when it is there and the role may not read it. That of a tenant stands in the tenant's
 * schema: one behind it on the search_path is about what all tenants share.
 */
async function readOrDeny(
  { tenant, schema }: Run['config'],
  session: Session,
  { format, read }: Adopter,
): Promise<ForeignHistory | null> {
  try {
    const history = await read(session)
    return history && ofTenant(session, { tenant, schema }, history.table) ? history : null
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    throw deniedForeign(format, session.client.escapeIdentifier(session.role), error)
  }
}
