// The images of a walk: each has the files of the one before, and some more.
import { join } from 'node:path'
import { writeFolder } from '../../support/database.ts'
import type { Dice } from './dice.ts'

/** One version of the application, with what it wants of the database. */
export interface Image {
  readonly n: number
  readonly env: Readonly<Record<string, string>>
  /** Every migration by its name, in order. */
  readonly migrations: readonly Migration[]
  /** The columns of `app` that the application of this version uses. */
  readonly needs: readonly string[]
  /** What its repeatable migration makes the view say. */
  readonly view: number
}

export interface Migration {
  readonly name: string
  readonly contract: boolean
  /** The first version that has it. */
  readonly since: number
  /** Whether it runs statement by statement. */
  readonly outside: boolean
  readonly adds: readonly string[]
  readonly drops: readonly string[]
}

/** The rows that each application leaves in the ledger, once. */
export const marks = ({ name, outside }: Migration) => (outside ? [`${name}#1`, `${name}#2`] : [name])

/** What the migrations write to and are tripped by, beside what they make. */
export const rig = `create schema rig;
  create table rig.ledger (mark text, n int);
  create table rig.knobs (what text primary key, how text not null);
  create function rig.trip(wanted text) returns void language plpgsql as $$ declare it text; begin
    select how into it from rig.knobs where what = wanted;
    if it = 'fail' then raise exception 'tripped at %', wanted; end if;
    while it = 'sleep' loop perform pg_sleep(0.05); select how into it from rig.knobs where what = wanted; end loop;
  end $$;
  grant usage on schema rig to public; grant all on all tables in schema rig to public`

/** Five versions below the folder, which the dice have chosen. */
export function makeImages(dir: string, dice: Dice): readonly Image[] {
  const images: Image[] = []
  const files: Record<string, string> = {}
  const seeds: Record<string, string> = {}
  const migrations: Migration[] = []
  const dropped = new Set<string>()
  let view = 1
  const add = (one: Migration, folder = '') => {
    migrations.push(one)
    files[`${folder}${one.name}.sql`] = text(one)
    files[`${one.name}.down.sql`] = [
      ...one.drops.map((column) => `alter table app add column ${column} int;`),
      ...one.adds.map((column) => `alter table app drop column ${column};`),
      ...(one.since === 1 ? ['drop table app;'] : []),
      ...marks(one).map((mark) => `insert into rig.ledger values ('${mark}', -1);`),
    ].join('\n')
  }
  for (let n = 1; n <= 5; n += 1) {
    const one = (name: string, more: Partial<Migration>): Migration => ({ name: `${n}${name}${n}`, contract: false, since: n, outside: false, adds: [], drops: [], ...more }) // prettier-ignore
    add(one('10_expand', { adds: [`kept${n}`, `used${n}`], outside: n > 1 && dice.is(0.4) }))
    const mayGo = migrations.flatMap(({ adds, since }) => adds.filter((it) => since < n && it.startsWith('used') && !dropped.has(it))) // prettier-ignore
    if (mayGo.length > 0 && dice.is(0.8)) {
      const column = dice.pick(mayGo)
      dropped.add(column)
      add(one('20_contract', { contract: true, drops: [column], outside: dice.is(0.4) }), dice.is(0.3) ? 'contract/' : '') // prettier-ignore
    }
    if (dice.is(0.4)) add(one('30_more', { adds: [`more${n}`] }))
    if (dice.is(0.5)) view = n
    files['repeatable/version.sql'] = `create or replace view version as select ${view} as n`
    seeds[`${n}_seed.sql`] = `select rig.trip('seed${n}')`
    const [here, seedsHere] = [join(dir, `v${n}`), join(dir, `v${n}-seeds`)]
    writeFolder(here, files)
    writeFolder(seedsHere, seeds)
    images.push({
      n,
      view,
      migrations: migrations.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      needs: migrations.flatMap(({ adds }) => adds.filter((column) => !dropped.has(column))),
      env: { UPFRONT_MIGRATIONS_DIR: here, UPFRONT_SEEDS_DIR: seedsHere, UPFRONT_APP_VERSION: `${n}.0` },
    })
  }
  return images
}

function text(one: Migration): string {
  const { name, contract, outside, adds, drops, since } = one
  const [first, last = name] = marks(one)
  return [
    ...(outside ? ['-- upfront:no-transaction'] : []),
    ...(contract ? ['-- upfront:contract'] : []),
    `insert into rig.ledger values ('${first}', 1);`,
    ...(since === 1 && adds.includes('kept1') ? ['create table app (id int);'] : []),
    ...adds.map((column) => `alter table app add column ${column} int;`),
    ...drops.map((column) => `alter table app drop column ${column};`),
    `select rig.trip('${name}');`,
    ...(outside ? [`insert into rig.ledger values ('${last}', 1);`] : []),
  ].join('\n')
}
