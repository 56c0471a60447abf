import { allowingOf } from '../../checks/allowable.ts'
import type { Failure } from '../../errors.ts'
import type { ExaminedDatabase } from './database.ts'
import { dockerfileFor } from './dockerfile.ts'
import type { ExaminedFolder } from './folder.ts'
import type { Work } from './work.ts'

/** Everything that was looked at, and what follows from it. */
export interface Examined {
  readonly folder: ExaminedFolder
  /** null when none is configured. */
  readonly database: ExaminedDatabase | null
  /** Why none is, as the configuration says it. */
  readonly unnamed: string | null
  readonly advice: Advice
}

export interface Advice {
  /** What up would end with, in the order in which it would meet it. */
  readonly failures: readonly Failure[]
  /** The exit code of up, as far as can be seen. */
  readonly exit: number
  /** What up would do, in a few words. */
  readonly outlook: string
  /** What is worth doing although nothing stops. */
  readonly hints: readonly string[]
  readonly dockerfile: string | null
}

/** Pure: what up would end with, and what to do next; `ofFiles` is what it would end with on an empty database. */
export function advise(folder: ExaminedFolder, database: ExaminedDatabase | null, ofFiles: readonly Failure[]): Advice {
  const failures = [...folder.failures, ...ofFiles, ...(database?.failures ?? [])]
  const [first] = failures
  const onWhat = first !== undefined && first === ofFiles[0] ? ' on an empty database' : ''
  return {
    failures,
    exit: first?.exitCode ?? 0,
    outlook: first ? `end with ${first.exitCode} ${first.code}${onWhat}` : foresee(database),
    hints: hintsOf(folder),
    dockerfile: dockerfileFor(folder),
  }
}

function foresee(database: ExaminedDatabase | null): string {
  if (database === null) return '... nobody can tell without a database'
  if (database.isToCreate) return 'create the database and apply everything'
  const { work = null, isComplete = false } = database.server ?? {}
  if (work === null) return '... nobody can tell'
  if (work.isAhead) return 'do nothing: a newer image was here'
  return isComplete ? 'find nothing to do' : describe(work)
}

function describe({ adopted, migrations, repeatable, seeds }: Work): string {
  const count = (list: readonly unknown[], verb: string, noun: string) =>
    list.length === 0 ? [] : [`${verb} ${list.length} ${noun}${list.length === 1 ? '' : 's'}`]
  const parts = [
    ...(adopted.length === 0 ? [] : [`record ${adopted.length} as applied, because another tool has`]),
    ...count(migrations, 'apply', 'migration'),
    ...(repeatable.length === 0 ? [] : [`run ${repeatable.length} repeatable`]),
    ...count(seeds, 'run', 'seed'),
  ]
  return parts.length === 0 ? 'find nothing to do' : parts.join(', ')
}

function hintsOf({ elsewhere, findings, whose, seeds, seedBundle }: ExaminedFolder): string[] {
  const refused = findings.filter(({ level }) => level === 'refused')
  const count = refused.reduce((sum, one) => sum + one.count, 0)
  return [
    ...elsewhere.map(
      ({ dir, format, count: many }) =>
        `${dir} has ${many} migration${many === 1 ? '' : 's'}${format === 'plain' ? '' : ` of ${format}`}: upfront doctor --migrations-dir ${dir}`,
    ),
    ...(count > 0
      ? [`upfront compile refuses ${count} finding${count === 1 ? '' : 's'}, and tells all of them with their lines`]
      : []),
    ...(whose?.format === 'plain' && refused.some(({ rule }) => rule !== null && allowingOf(rule)?.allowed)
      ? ['files that have run are not judged: upfront compile --allow-existing takes over what may be allowed']
      : []),
    ...(seeds && seedBundle === null && seeds.count !== 0
      ? ['seeds run only when UPFRONT_SEED names an environment']
      : []),
  ]
}
