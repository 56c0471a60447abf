// A scenario: what a run has to do, in units of which each can have happened or not.
import type { Files } from '../../support/database.ts'

/** The smallest thing that can have happened or not: a file in a transaction, or a statement or a block outside of one. */
export interface Unit {
  readonly file: string
  readonly sql: string
  /** Nothing but the catalog knows whether it ran. */
  readonly alone: boolean
}

export interface Scenario {
  readonly name: string
  /** The migrations folder. */
  readonly migrations: Files
  /** The seeds folder. */
  readonly seeds: Files
  /** Names as the history has them, in order. */
  readonly names: readonly string[]
  /** Everything that is there in the end. */
  readonly units: readonly Unit[]
  /** How a run ends that nothing happens to. */
  readonly end: 0 | 22
}

/** A file, and what has happened when it is through. */
export interface Source {
  /** As the folder has it, with its extension. */
  readonly file: string
  /** What is in it; without one it is its statements. */
  readonly text?: string
  /** What it comes to, as plain SQL; of a file marked `outside` each is a unit of its own, and so is each inner list. */
  readonly statements: readonly (string | readonly string[])[]
  readonly outside?: true
}

/** Notes who did it, without a key: a thing done twice is seen. */
export const note = (name: string) => `insert into ledger (name) values ('${name}')`

/** The table that `note` writes to. */
export const ledger: Source = {
  file: '001_ledger.sql',
  statements: [
    `create table ledger (name text, xid xid8 default pg_current_xact_id(), pid int default pg_backend_pid(),
      at timestamptz default clock_timestamp())`,
    note('001_ledger'),
  ],
}

export function makeScenario(
  name: string,
  { migrations, seeds = [] }: { readonly migrations: readonly Source[]; readonly seeds?: readonly Source[] },
): Scenario {
  return {
    name,
    migrations: filesOf(migrations),
    seeds: filesOf(seeds),
    names: [...migrations.map(({ file }) => nameOf(file)), ...seeds.map(({ file }) => file)],
    units: [
      ...migrations.flatMap((one) => unitsOf(one, nameOf(one.file))),
      ...seeds.flatMap((one) => unitsOf(one, one.file)),
    ],
    end: 0,
  }
}

/** A scenario that ends in 22: `failing` leaves nothing, and what is behind it never runs. */
export function makeFailing(
  name: string,
  parts: { readonly before: readonly Source[]; readonly failing: Source; readonly behind: readonly Source[] },
): Scenario {
  const { before, failing, behind } = parts
  const whole = makeScenario(name, { migrations: [...before, failing, ...behind] })
  return { ...whole, units: makeScenario(name, { migrations: before }).units, end: 22 }
}

function nameOf(file: string): string {
  return file.replace(/\.[a-z]+$/, '')
}

function filesOf(sources: readonly Source[]): Files {
  return Object.fromEntries(sources.map((one) => [one.file, one.text ?? textOf(one)]))
}

function textOf({ statements, outside }: Source): string {
  const marker = outside && statements.length > 1 ? '-- upfront:no-transaction\n' : ''
  const parts = statements.map((one) => (typeof one === 'string' ? one : ['begin', ...one, 'commit'].join(';\n')))
  return `${marker}${parts.join(';\n')};\n`
}

function unitsOf({ statements, outside }: Source, file: string): Unit[] {
  if (!outside) return [{ file, sql: statements.flat().join(';'), alone: false }]
  return statements.map((one) =>
    typeof one === 'string'
      ? { file, sql: one, alone: /concurrently/.test(one) }
      : { file, sql: one.join(';'), alone: false },
  )
}
