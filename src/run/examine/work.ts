import { asRecorded } from '../../history/as-recorded.ts'
import { pendingAgain } from '../../history/pending-again.ts'
import { type Plan, makePlan } from '../../history/plan.ts'
import type { HistoryRow } from '../../history/rows.ts'
import type { Bundle, Identity, SeedBundle } from '../../migration.ts'
import type { Foreign } from '../adopt/foreign-history.ts'

/** What up would do, and what the histories say of each migration. */
export interface Work {
  /** What another tool has applied, and up would record as applied. */
  readonly adopted: readonly Identity[]
  readonly migrations: readonly Identity[]
  readonly repeatable: readonly Identity[]
  readonly seeds: readonly Identity[]
  /** A newer image was here, so that nothing would be done. */
  readonly isAhead: boolean
  /** Names by state, in the order in which people should read them; no state without names. */
  readonly states: ReadonlyMap<string, readonly string[]>
}

/** What there is to compare. */
export interface Known {
  readonly bundle: Bundle
  readonly seeds: SeedBundle | null
  readonly history: readonly HistoryRow[]
  readonly foreign: Foreign | null
  /** What up would apply, of what is pending and of what is left until nothing older is there. */
  readonly due: (plan: Plan<Identity>) => Promise<readonly Identity[]>
}

/** Compares the files with both histories, as up does. */
export async function compare({ bundle, seeds, history, foreign, due }: Known): Promise<Work> {
  const files = await bundle.list()
  const rows = history.filter(({ kind }) => kind === 'migration')
  const adopted = foreign?.match.adopted ?? []
  const again = foreign?.repeatable ?? []
  const plan = makePlan(files, [...rows, ...adopted.map(asAdopted)])
  const isAhead = plan.ahead.length > 0
  const migrations = await due(plan)
  const repeatable = pendingAgain('repeatable', await bundle.listRepeatable(), history)
  return {
    adopted: [...adopted, ...again],
    migrations,
    repeatable: isAhead ? [] : repeatable.filter(({ name }) => !again.some((one) => one.name === name)),
    seeds: isAhead || seeds === null ? [] : pendingAgain('seed', await seeds.list(), history),
    isAhead,
    states: listStates(asRecorded(files, rows), { plan, rows, foreign, migrations }),
  }
}

/** The row that up would write for a migration that another tool has applied. */
function asAdopted({ name, checksum }: Identity): HistoryRow {
  const times = { appliedAt: '', durationMs: 0, statementsDone: 0, doneChecksum: null }
  return { kind: 'migration', name, checksum, state: 'adopted', run: '', ...times, down: null }
}

interface Seen {
  readonly plan: Plan<Identity>
  readonly rows: readonly HistoryRow[]
  readonly foreign: Foreign | null
  /** What up would apply. */
  readonly migrations: readonly Identity[]
}

function listStates(files: readonly Identity[], { plan, rows, foreign, migrations }: Seen): Work['states'] {
  const names = (all: readonly Identity[] = []) => all.map(({ name }) => name)
  const { adopted, edited, failed, skipped, unknown } = foreign?.match ?? {}
  const from = foreign?.from ?? ''
  const doubtful = new Set([...names(edited), ...names(failed), ...names(skipped)])
  const recorded = (...states: HistoryRow['state'][]) => {
    const wanted = new Set(rows.filter(({ state }) => states.includes(state)).map(({ name }) => name))
    return names(files.filter(({ name }) => wanted.has(name) && !plan.changed.includes(name)))
  }
  const stopped = recorded('running')
  const isPlain = (name: string) => !doubtful.has(name) && !stopped.includes(name) && !plan.outOfOrder.includes(name)
  const all: [string, readonly string[]][] = [
    ['applied', recorded('applied')],
    ['recorded as a baseline', recorded('baseline')],
    [`adopted from ${from || 'another tool'}`, recorded('adopted')],
    [`to adopt from ${from}`, names(adopted)],
    ['pending', names(migrations).filter(isPlain)],
    ['deferred until nothing older is left', names(plan.deferred.filter((one) => !migrations.includes(one)))],
    ['out of order', plan.outOfOrder.filter((name) => !doubtful.has(name))],
    ['stopped half way', stopped],
    ['changed after it was applied', plan.changed],
    [`edited after ${from} applied it`, names(edited)],
    [`begun and not finished by ${from}`, names(failed)],
    [`passed over by ${from}`, names(skipped)],
    [`applied by ${from}, without a file`, unknown ?? []],
    ['applied, without a file', plan.missing],
    ['of a newer image', plan.ahead],
  ]
  return new Map(all.filter(([, list]) => list.length > 0))
}
