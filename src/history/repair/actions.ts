import { Failure } from '../../errors.ts'
import type { Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { HistoryTables } from '../tables.ts'
import { type RepairAction, repairCommand } from './command.ts'
import { findMade, findMissing } from './contradictions.ts'
import type { Named } from './named.ts'
import { rowChanges } from './record.ts'

/** What a repair comes to: nothing, or one statement, unless the catalog contradicts it. */
export type RepairPlan =
  | { readonly nothing: string }
  | {
      readonly change: (session: Session, tables: HistoryTables) => string
      /** What of the catalog contradicts it, for people. */
      readonly contradicted?: (session: Session) => Promise<string[]>
      /** What follows from it. */
      readonly meaning: string
    }

/** What an action means for a name; `opened` is null when its file cannot be looked into. Throws when it means nothing for it. */
export function planRepair(action: RepairAction, named: Named, opened: Migration | null): RepairPlan {
  const { kind, name, subject, row, file } = named
  const recorded = file && { checksum: file.checksum, down: opened?.down ?? null }
  // What an earlier content of a repeatable one has made says nothing of this one.
  const made = kind !== 'repeatable' && opened && { contradicted: (session: Session) => findMade(session, opened) }
  const missing = opened && { contradicted: (session: Session) => findMissing(session, opened) }
  const again = 'the next up runs it again from its beginning'
  const isOpen = kind === 'repeatable' && (action === 'done' || action === 'not-done') && row?.state !== 'applied'
  if (kind !== 'migration' && action !== 'forget' && !isOpen) {
    const what = kind === 'seed' ? 'a seed' : 'a repeatable migration'
    throw new Failure('USAGE', `${name} is ${what}, which can only be forgotten: a changed one runs again anyway`, {
      next: repairCommand('forget', subject),
    })
  }
  switch (action) {
    case 'accept':
      if (!file) throw gone(name)
      if (!row) throw notThere(name)
      if (row.state === 'running') throw halfDone(name)
      if (row.checksum === file.checksum) return { nothing: `${name} is recorded as its file is already` }
      return {
        change: (session, tables) => rowChanges.accept(session, tables, row.name, recorded!),
        ...missing,
        meaning: 'the file as it is now counts as what was applied',
      }
    case 'forget':
      if (!row) return { nothing: `${name} is not in the history` }
      return {
        change: (session, tables) => rowChanges.forget(session, tables, kind, row.name),
        ...made,
        meaning: file
          ? again
          : kind === 'seed'
            ? 'the next up with its environment runs it again'
            : 'it is out of the history',
      }
    case 'done':
      if (row && row.state !== 'running') return { nothing: `${name} is recorded as ${row.state} already` }
      return {
        change: (session, tables) => rowChanges.done(session, tables, { kind, name: row?.name ?? name }, recorded),
        ...missing,
        meaning: 'it counts as applied and is not run',
      }
    case 'not-done':
      if (!row) return { nothing: `${name} is not in the history, so it is pending already` }
      if (row.state !== 'running') throw applied(name)
      return {
        change: (session, tables) => rowChanges.forget(session, tables, kind, row.name),
        ...made,
        meaning: file || kind === 'repeatable' ? again : 'it is out of the history',
      }
  }
}

function gone(name: string): Failure {
  return new Failure('USAGE', `there is no file of ${name}, so there is nothing to accept`, {
    next: `To take it out of the history: ${repairCommand('forget', name)}; or set UPFRONT_MISSING=ignore.`,
  })
}

function notThere(name: string): Failure {
  return new Failure('USAGE', `${name} is not in the history: it is pending, not changed`, {
    next: `When it was done by hand: ${repairCommand('done', name)}`,
  })
}

function halfDone(name: string): Failure {
  return new Failure('REFUSED', `${name} stopped half way; nothing was changed`, {
    next: `Say how far it came: ${repairCommand('done', name)}, or ${repairCommand('not-done', name)}`,
  })
}

function applied(name: string): Failure {
  return new Failure('REFUSED', `${name} is applied, not half done; nothing was changed`, {
    next: `To have it run again: ${repairCommand('forget', name)}; to take it back: upfront down.`,
  })
}
