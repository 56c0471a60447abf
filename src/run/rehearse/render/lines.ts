import { call } from '../../../schema/tell.ts'
import type { Difference } from '../../../schema/difference.ts'
import { formatDuration } from '../../../report/duration.ts'
import { type Lock, type Rehearsal, type RehearsedMigration, type RehearsedStatement, type Work, lockModes, spellMode } from '../rehearsal.ts' // prettier-ignore
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

/** Locks that are worth a line, the strongest of each relation: `ACCESS EXCLUSIVE auth.users`. */
export function tellLocks(locks: readonly Lock[]): string[] {
  return strongest(locks).map(
    ({ relation, mode, existing }) => `${spellMode(mode)} ${relation}${existing ? '' : ' (new)'}`,
  )
}

/** Of each relation the strongest lock; those of indexes only where they stop others. */
export function strongest(locks: readonly Lock[]): Lock[] {
  const all = new Map<string, Lock>()
  for (const lock of locks) {
    if (lock.kind === 'index' && (!lock.existing || lock.mode !== 'AccessExclusiveLock')) continue
    const was = all.get(lock.relation)
    if (!was || lockModes.indexOf(lock.mode) > lockModes.indexOf(was.mode)) all.set(lock.relation, lock)
  }
  return [...all.values()].sort((a, b) => lockModes.indexOf(b.mode) - lockModes.indexOf(a.mode))
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
