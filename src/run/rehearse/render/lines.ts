import { call } from '../../../schema/tell.ts'
import type { Difference } from '../../../schema/difference.ts'
import { formatDuration } from '../../../report/duration.ts'
import { type Lock, type LockMode, type Rehearsal, type RehearsedMigration, type RehearsedStatement, type Work, lockModes, spellMode } from '../rehearsal.ts' // prettier-ignore
import { subjectOf } from '../sizes.ts'

/** Where it took place, and with which versions: one sentence. */
export function tellStage({ stage, server, targetServer, migrations }: Rehearsal): string {
  const places = {
    embedded: `on an embedded Postgres ${server}`,
    shadow: `on a shadow, Postgres ${server}`,
    clone: 'on a copy of the target',
    target: 'on the target, in a transaction that was rolled back',
  }
  const count = `${migrations.length} pending migration${migrations.length === 1 ? '' : 's'}`
  return `rehearsed ${count} ${places[stage]}${stage === 'clone' || stage === 'target' ? `, Postgres ${server}` : `; the target is ${targetServer}`}`
}

/** A time as short as it is. */
export function tellMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : formatDuration(ms)
}

/** How a migration ran, and for how long: `transaction, 12 ms`. */
export function tellHow({ how, statements, commitMs }: RehearsedMigration): string {
  return `${how}, ${tellMs(statements.reduce((sum, { ms }) => sum + ms, commitMs ?? 0))}`
}

const longest = 60

/** A statement on one line, cut. */
export function brief(sql: string): string {
  const text = sql.replace(/\s+/g, ' ')
  return text.length <= longest ? text : `${[...text].slice(0, longest - 1).join('')}…`
}

/** What it did to tables that are there for longer, each once: `rewrites ingest.events`. */
export function tellWork(work: readonly Work[]): string[] {
  const words = { rewrites: 'rewrites', builds: 'builds an index on', scans: 'reads all of', empties: 'empties' }
  return [...new Set(work.map((one) => `${words[one.what]} ${subjectOf(one)}${one.existing ? '' : ' (new)'}`))]
}

/** Locks that are worth a line: `ACCESS EXCLUSIVE auth.users`, `ACCESS EXCLUSIVE ingest.events (64 partitions)`. */
export function tellLocks(locks: readonly Lock[]): string[] {
  return strongest(locks).map(({ name, mode, existing, partitions }) => {
    const more = partitions === 0 ? '' : ` (${partitions} partition${partitions === 1 ? '' : 's'})`
    return `${spellMode(mode)} ${name}${more}${existing ? '' : ' (new)'}`
  })
}

/** A lock under the name that people know: that of a partitioned table stands for its partitions. */
export interface NamedLock {
  readonly name: string
  readonly mode: LockMode
  readonly existing: boolean
  readonly partitions: number
}

/** Of each table the strongest lock, the strongest first; those of indexes only where they stop others by themselves. */
export function strongest(locks: readonly Lock[]): NamedLock[] {
  const all = new Map<string, NamedLock>()
  const weight = ({ mode }: { readonly mode: LockMode }) => lockModes.indexOf(mode)
  const exclusive = new Set(locks.filter((one) => one.mode === 'AccessExclusiveLock').map((one) => one.relation))
  for (const { relation, kind, table, root, mode, existing } of locks) {
    if (kind === 'index' && (!existing || mode !== 'AccessExclusiveLock' || exclusive.has(table ?? ''))) continue
    const name = root ?? relation
    const was = all.get(name)
    const partitions =
      (was?.partitions ?? 0) + (root !== null && kind === 'table' && (!was || mode === was.mode) ? 1 : 0)
    all.set(
      name,
      was && weight(was) >= weight({ mode }) ? { ...was, partitions } : { name, mode, existing, partitions },
    )
  }
  return [...all.values()].sort((a, b) => weight(b) - weight(a))
}

/** The line of the file, or the lines of what was sent together. */
export function tellLine({ line, first, last }: RehearsedStatement): string {
  return first === last ? String(line) : `${line} (statements ${first} to ${last})`
}

/** What the schema becomes, a line for each thing, by what happens to it. */
export function tellChanges({ missing, unexpected, different }: Difference): { sign: '+' | '-' | '~'; text: string }[] {
  const say = (one: (typeof missing)[number]) => (one.is === '' ? call(one) : `${call(one)}: ${one.is}`)
  return [
    ...missing.map((one) => ({ sign: '-' as const, text: say(one) })),
    ...different.map(({ expected, found }) => ({ sign: '~' as const, text: `${call(expected)}: ${expected.is || 'no more than its name'} -> ${found.is || 'no more than its name'}` })), // prettier-ignore
    ...unexpected.map((one) => ({ sign: '+' as const, text: say(one) })),
  ]
}
