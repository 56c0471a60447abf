import { existsSync } from 'node:fs'
import { type CheckedFolder, checkMigrationsFolder, checkSeedsFolder } from '../../bundle/pack-folder.ts'
import { tellUnused } from '../../checks/allowances.ts'
import { lint } from '../../checks/squawk.ts'
import type { Problem } from '../../errors.ts'
import { migrationsFolderOf, showPath } from '../folders.ts'
import type { Run } from '../run.ts'
import { attempt } from './attempt.ts'

/** What compile would say of one rule: it refuses, it warns, it tells what is allowed, or merely tells something. */
export interface FindingsOfRule {
  /** Of docs/checks.md; null for what is of none: a name, a file that is passed over. */
  readonly rule: string | null
  readonly level: Level
  readonly count: number
  readonly example: Problem
}

type Level = 'refused' | 'warning' | 'allowed' | 'note'

/** Everything that compile would find in both folders, and how many files there are. */
export interface Findings {
  readonly rules: readonly FindingsOfRule[]
  /** null where the folder cannot even be listed, or is compiled already. */
  readonly migrations: number | null
  readonly seeds: number | null
}

/** Looks at all files as compile does, and writes nothing. */
export async function findAll(run: Run): Promise<Findings> {
  const { seedsDir } = run.config
  const migrations = await attempt(run, () => checkMigrationsFolder(migrationsFolderOf(run)))
  const seeds = existsSync(seedsDir)
    ? await attempt(run, () => checkSeedsFolder(seedsDir, showPath(run, seedsDir)))
    : undefined
  const folders = [migrations, seeds].flatMap((one): CheckedFolder[] => (one && 'done' in one ? [one.done] : []))
  const linted = folders.flatMap((folder) => folder.linted)
  const squawk = await attempt(run, () => lint(linted, run.io.cwd, run.io.env['PATH'] ?? ''))
  const said = 'done' in squawk ? squawk.done : { asked: false, found: [], allowed: [] }
  const unused = folders.flatMap(({ allowances }) => tellUnused(allowances, said.asked))
  const refused = folders.flatMap((folder) => folder.problems)
  const warnings = [
    ...said.found,
    ...folders.flatMap((folder) => [...folder.unrunnable, ...folder.warnings]),
    ...unused,
  ]
  const { allowed = [], note = [] } = Object.groupBy(
    [...folders.flatMap((folder) => folder.notices), ...said.allowed],
    ({ rule }) => (rule === undefined ? 'note' : 'allowed'),
  )
  return {
    rules: Object.entries({ refused, warning: warnings, allowed, note }).flatMap(([level, all]) =>
      countByRule(level as Level, all),
    ),
    migrations: 'done' in migrations ? migrations.done.count : null,
    seeds: seeds && 'done' in seeds ? seeds.done.count : null,
  }
}

/** Each rule once, the most frequent first; its example is the first one that has a place. */
export function countByRule(level: Level, found: readonly Problem[]): FindingsOfRule[] {
  const groups = [...Map.groupBy(found, ({ rule }) => rule ?? null)]
  return groups
    .map(([rule, all]) => ({ rule, level, count: all.length, example: all.find(({ place }) => place) ?? all[0]! }))
    .sort((a, b) => b.count - a.count)
}
