import type { Listed } from '../../catalog/listed.ts'
import type { Dropping } from './dropping.ts'

/** How the things of a kind are dropped: many by one statement, or each by its own. */
type Way = { readonly all: string } | { readonly each: (one: Listed) => string }

const ofRelation = (what: string): Way => ({
  each: ({ name, relationName }) => `drop ${what} if exists ${name} on ${relationName}${what === 'policy' ? '' : ' cascade'}`,
}) // prettier-ignore

/** In this order: what watches and publishes first, then what stands on others. */
const ways: Readonly<Record<string, Way>> = {
  'event trigger': { each: ({ name }) => `drop event trigger if exists ${name} cascade` },
  publication: { all: 'publication' },
  trigger: ofRelation('trigger'),
  policy: ofRelation('policy'),
  rule: ofRelation('rule'),
  constraint: { each: ({ name, relationName }) => `alter table if exists ${relationName} drop constraint if exists ${name} cascade` }, // prettier-ignore
  index: { all: 'index' },
  column: {
    each: ({ name, relationName, relationKind }) =>
      relationKind === 'composite type'
        ? `alter type ${relationName} drop attribute if exists ${name} cascade`
        : `alter table if exists ${relationName} drop column if exists ${name} cascade`,
  },
  view: { all: 'view' },
  'materialized view': { all: 'materialized view' },
  'foreign table': { all: 'foreign table' },
  table: { all: 'table' },
  sequence: { all: 'sequence' },
  statistics: { all: 'statistics' },
  function: { all: 'routine' },
  procedure: { all: 'routine' },
  aggregate: { all: 'routine' },
  enum: { all: 'type' },
  domain: { all: 'type' },
  'composite type': { all: 'type' },
  'range type': { all: 'type' },
}

/** Behind all that have a way: kinds without one are dropped by the name that Postgres gives them. */
const last: Readonly<Record<string, Way>> = { collation: { all: 'collation' }, extension: { all: 'extension' } }

/** Relations, and what goes before them: nobody builds on them while their tables are locked. */
const locked = new Set(Object.keys(ways).slice(0, Object.keys(ways).indexOf('table') + 1))

/** Whether it is dropped under the locks on tables, and before everything that knows none. */
export function isLocked({ kind }: Listed): boolean {
  return locked.has(kind)
}

/** More names than this make a statement that nobody can read in a log. */
const namesInOne = 200

/** The statements that drop all of it, in their order; the caller has proved that nothing else goes with it. */
export function dropStatements({ drops, schemas }: Pick<Dropping, 'drops' | 'schemas'>): string[] {
  const kinds = new Map<string, Listed[]>()
  for (const one of drops) {
    const same = kinds.get(one.kind)
    if (same) same.push(one)
    else kinds.set(one.kind, [one])
  }
  const others = [...kinds].filter(([kind]) => !(kind in ways) && !(kind in last))
  const of = (given: Readonly<Record<string, Way>>) =>
    Object.entries(given).flatMap(([kind, way]) => statementsOf(way, kinds.get(kind) ?? []))
  return [
    ...of(ways),
    ...others.flatMap(([kind, all]) => all.map(({ name }) => `drop ${kind} if exists ${name} cascade`)),
    ...of(last),
    // Without CASCADE: what has come since goes with none of them.
    ...schemas.map(({ name }) => `drop schema if exists ${name}`),
  ]
}

function statementsOf(way: Way, all: readonly Listed[]): string[] {
  if ('each' in way) return all.map(way.each)
  const starts = Array.from({ length: Math.ceil(all.length / namesInOne) }, (_, i) => i * namesInOne)
  return starts.map((from) => {
    const names = all.slice(from, from + namesInOne).map(({ name }) => name)
    return `drop ${way.all} if exists ${names.join(', ')} cascade`
  })
}
