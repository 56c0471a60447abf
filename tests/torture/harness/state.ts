// What a trial left in the database, held against what may be there.
import type { Database } from '../../support/database.ts'
import { type Picture, takePicture } from './picture.ts'
import type { Scenario } from './scenario.ts'

/** What the history and the catalog say, one as much as the other. */
export interface State extends Picture {
  readonly history: readonly HistoryLine[]
  readonly invalid: readonly string[]
}

interface HistoryLine {
  readonly name: string
  readonly state: string
  readonly done: number
}

export async function readState(db: Pick<Database, 'query'>): Promise<State> {
  const picture = await takePicture(db.query)
  const [there] = await db.query<{ yes: boolean }>(`select to_regclass('upfront.history') is not null as yes`)
  const history = there!.yes
    ? await db.query<HistoryLine>('select name, state, statements_done as done from upfront.history order by id')
    : []
  return { ...picture, history, invalid: picture.catalog.filter((line) => line.startsWith('INVALID')) }
}

/**
 * What is torn: the history is not a beginning of the files in their order (I7), the ledger or any table's rows are not
 * what it says (I1), or the schema is not (I2). Empty when all agree.
 */
export function findTorn(scenario: Scenario, state: State, golden: readonly Picture[]): string[] {
  const torn: string[] = []
  const { history } = state
  const { names, units } = scenario
  if (history.some(({ name }, i) => name !== names[i])) torn.push(`I7 order: ${history.map(({ name }) => name).join()}`)
  const open = history.filter(({ state: is }) => is !== 'applied')
  if (open.length > 1 || (open.length === 1 && open[0] !== history.at(-1))) torn.push('I7 something ran after a stop')
  const done = countUnits(scenario, history)
  const now = golden[done]
  if (now === undefined) return [...torn, `I7 more than there is: [${show(history)}]`]
  // A statement that no transaction may hold may have run, or left its index half made, before that was recorded.
  const next = units[done]?.alone ? golden[done + 1] : undefined
  if (state.ledger.join() !== now.ledger.join())
    torn.push(`I1 ledger [${state.ledger.join().slice(0, 2_000)}] for history [${show(history)}]`)
  if (![now, next].some((picture) => picture?.rows.join() === state.rows.join()))
    torn.push(`I1 rows [${state.rows.join('; ')}] for history [${show(history)}]`)
  const valid = state.catalog.filter((line) => !line.startsWith('INVALID'))
  const fits = [now, next].some((picture) => picture?.catalog.join('\n') === valid.join('\n'))
  if (!fits || (state.invalid.length > 0 && next === undefined))
    torn.push(`I2 schema [${state.catalog.join('; ')}] for history [${show(history)}]`)
  return torn
}

/** How many units the history says were done. */
export function countUnits({ units }: Scenario, history: readonly HistoryLine[]): number {
  return history.reduce((sum, { name, state, done }) => {
    const all = units.filter(({ file }) => file === name).length
    return sum + (state === 'applied' ? all : done)
  }, 0)
}

/** Everything that can be there is. */
export function isComplete(scenario: Scenario, state: State): boolean {
  return (
    countUnits(scenario, state.history) === scenario.units.length &&
    state.invalid.length === 0 &&
    state.history.every((row) => row.state === 'applied')
  )
}

function show(history: readonly HistoryLine[]): string {
  return history.map(({ name, state, done }) => `${name} ${state} ${done}`).join()
}

/** Two runs that wrote at the same time (I6), by what each said of itself and by the ledger; empty when none did. */
export async function findOverlaps(db: Database): Promise<string[]> {
  const rows = await db.query<{ what: string }>(`
    with spans as (
      select 'run ' || id as who, tstzrange(started_at, finished_at, '[]') as span from upfront.runs
        where finished_at is not null
      union all
      select 'process ' || pid, tstzrange(min(at), max(at), '[]') from public.ledger group by pid)
    select a.who || ' and ' || b.who as what from spans a join spans b on a.who < b.who and a.span && b.span
      and split_part(a.who, ' ', 1) = split_part(b.who, ' ', 1)`)
  return rows.map(({ what }) => what)
}
