import { Failure } from '../../errors.ts'
import type { Bundle } from '../../migration.ts'
import type { Target } from '../../config/database/target.ts'
import { quiet } from '../shadow/quiet.ts'
import { elsewhere, inDatabase, inNewDatabase, withScratchDatabase } from '../shadow/scratch.ts'
import type { Run } from '../run.ts'
import { requireAnswer, withServer } from '../server.ts'
import type { TargetState } from './pending.ts'
import { type Rehearsed, rehearseAll } from './rehearse-all.ts'
import { replay } from './replay.ts'
import { refuseShared } from './shared.ts'

/** What a stage answers, with what is to be known of it. */
export interface Played extends Rehearsed {
  readonly notes: readonly string[]
}

/** Rehearses in an empty database that is first made like the target from the same files. */
export async function onShadow(run: Run, bundle: Bundle, target: TargetState): Promise<Played> {
  const { shadow } = run.config
  const staying = shadow ? await refuseShared(run, target.pending, shadow) : []
  const rehearse = async (given: Run): Promise<Played> => {
    const on = withSettings(given, target.surroundings.settings)
    const lacking = await replay(on, { bundle, target, ownServer: run.config.shadow === null })
    const rehearsed = await rehearseAll(on, target.pending)
    return {
      ...rehearsed,
      notes: [...staying, ...lacking, ...notesOf(target), 'the shadow has no rows: times are not those of the target'],
    }
  }
  return withScratchDatabase(run, quiet(run), rehearse, target.surroundings.encoding)
}

/** Rehearses in a copy of the target on its own server, with all rows; throws REFUSED while others are connected to it. */
export async function onClone(run: Run, target: TargetState): Promise<Played> {
  const server = run.config.target!
  await refuseShared(run, target.pending, server)
  const maintenance = await findMaintenance(run, server)
  try {
    // What a database sets is not copied with it.
    const rehearse = (on: Run) => rehearseAll(withSettings(on, target.surroundings.ofDatabase), target.pending)
    const template = `"${server.database.replaceAll('"', '""')}"`
    return { ...(await inNewDatabase(run, { server: maintenance, template }, quiet(run), rehearse)), notes: [] }
  } catch (error) {
    throw await explainClone(run, maintenance, error)
  }
}

/** Another database of that server: who copies one must not be connected to it. */
async function findMaintenance(run: Run, server: Target): Promise<Target> {
  const candidates = ['postgres', 'template1'].filter((name) => name !== server.database)
  for (const [i, name] of candidates.entries()) {
    const target = inDatabase(server, name)
    try {
      await withServer(elsewhere(run, target, quiet(run)), requireAnswer, async () => {})
      return target
    } catch (error) {
      if (run.signal.aborted || i === candidates.length - 1) throw error
    }
  }
  throw new Error('there is always a candidate')
}

async function explainClone(run: Run, maintenance: Target, error: unknown): Promise<unknown> {
  const { code, message } = ((error as Error).cause ?? error) as { code?: string; message: string }
  if (code === '55006') {
    const ask = `select pid, usename, application_name as application from pg_catalog.pg_stat_activity
      where datname = $1 and backend_type = 'client backend' order by pid`
    const others = await withServer(elsewhere(run, maintenance, quiet(run)), requireAnswer, (session) =>
      session.query<{ pid: number; usename: string; application: string }>(ask, [run.config.target!.database]),
    )
    return new Failure(
      'REFUSED',
      'the target cannot be copied while others are connected to it; nothing was rehearsed',
      {
        list: others.map(
          ({ pid, usename, application }) => `pid ${pid} (${application || 'no application name'}, ${usename})`,
        ),
        next: 'Rehearse on a copy that nobody uses, or without --clone.',
      },
    )
  }
  if (code !== '42501') return error
  return new Failure('DENIED', 'this role may not make a copy of the target; nothing was rehearsed', {
    sqlstate: code,
    reason: message,
    next: 'It has to be its owner, with CREATEDB, or a superuser. Or rehearse without --clone.',
  })
}

/** What the database or the role of the target sets, so that unqualified names mean the same. */
function withSettings(run: Run, settings: Readonly<Record<string, string>>): Run {
  const target = run.config.target!
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`)
  if (flags.length === 0) return run
  const options = [target.options, ...flags].filter((one) => one !== undefined).join(' ')
  return { ...run, config: { ...run.config, target: { ...target, options } } }
}

function notesOf({ missing, changed, halfDone }: TargetState): string[] {
  const notes: [readonly string[], string][] = [
    [missing, 'applied on the target, and not in this bundle, so the shadow lacks what they made'],
    [changed, 'applied on the target with an earlier text, which nobody has: rehearsed as if new'],
    [halfDone, 'stopped half way on the target: rehearsed from the beginning'],
  ]
  return notes.flatMap(([names, what]) => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}`]))
}
