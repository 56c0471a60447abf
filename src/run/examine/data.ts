import { version } from '../../version.ts'
import type { Examined } from './advice.ts'
import type { ExaminedDatabase } from './database.ts'
import type { ExaminedFolder } from './folder.ts'

/** Everything as data, for programs; names are as in the other answers. */
export function asData({ folder, database, unnamed, advice }: Examined): object {
  const { failures, exit, outlook, hints, dockerfile } = advice
  return {
    ok: failures.length === 0,
    exit_code: exit,
    version,
    folder: ofFolder(folder),
    database: database ? ofDatabase(database) : null,
    ...(unnamed === null ? {} : { no_database: unnamed }),
    outlook,
    failures: failures.map(({ code, exitCode, message, facts }) => ({ code, exit_code: exitCode, message, ...facts })),
    hints,
    dockerfile,
  }
}

function ofFolder({
  shown,
  isCompiled,
  whose,
  marks,
  migrations,
  repeatable,
  seeds,
  findings,
  elsewhere,
}: ExaminedFolder) {
  return {
    dir: shown,
    compiled: isCompiled,
    format: whose?.format ?? null,
    by: whose?.by ?? null,
    marks: Object.fromEntries(marks),
    migrations,
    repeatable,
    seeds: seeds && {
      dir: seeds.shown,
      compiled: seeds.isCompiled,
      count: seeds.count,
      environments: seeds.environments,
    },
    findings,
    elsewhere,
  }
}

function ofDatabase({ target, source, server, isToCreate }: ExaminedDatabase) {
  const { work = null } = server ?? {}
  return {
    target,
    source,
    to_create: isToCreate ?? false,
    server: server && {
      version: server.version,
      state: server.state,
      pooler: server.pooler,
      history: server.ours,
      other_history: server.theirs,
      hidden: server.isHidden,
      missing_privileges: server.missing,
      complete: server.isComplete,
    },
    migrations:
      work && Object.fromEntries([...work.states].map(([state, names]) => [state.replaceAll(' ', '_'), names])),
  }
}
