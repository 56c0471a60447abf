import { Failure, type Place } from '../../errors.ts'
import { halfDoneCommands } from '../../history/repair/command.ts'
import type { SqlScript } from '../../migration.ts'
import { isConnectionLost } from '../../postgres/classify.ts'
import { toOwnEncoding } from '../../postgres/prepare.ts'
import { ScriptError, rollBack, runScript } from '../../postgres/script.ts'
import { placeAt } from '../../sql/position.ts'
import { describeSqlError } from '../apply/sql-error.ts'
import type { OutsideFile } from './outside-file.ts'

/**
 * Sets in a new session what the completed statements had set in theirs, because the rest might otherwise run on
 * another schema's table. Throws PARTIAL when the new session cannot be made like the old one.
 */
export async function restoreSession(outside: OutsideFile, done: number): Promise<void> {
  const { run, script, text, migration } = outside
  const until = script.statements[done - 1]?.end ?? 0
  refuseLostRelation(outside, until)
  for (const [start, end] of script.session ?? guessSession(script, text)) {
    if (end > until) return
    const place = placeAt(migration.file, text, start)
    if (script.session === undefined && !isKnown.test(text.slice(start, end)))
      throw cannotGoOn(outside, place, new Error('this bundle does not say what that statement sets in the session'))
    try {
      await runScript(run.session, `${text.slice(start, end)};\n${toOwnEncoding}`)
    } catch (error) {
      if (!(error instanceof ScriptError) || isConnectionLost(error.error)) throw error
      await rollBack(run.session)
      throw run.signal.aborted ? run.signal.reason : cannotGoOn(outside, place, error.error)
    }
  }
}

/** What is safe to set again when the bundle comes from a compiler that did not record it. */
const isKnown = /^(set|reset|prepare|deallocate|load)\b|^select\s+(pg_catalog\.)?set_config\s*\([^()]*\)$/i

/** For a bundle of an earlier compiler, which recorded only the kinds of the statements. */
function guessSession({ statements }: SqlScript, text: string): (readonly [number, number])[] {
  return statements.flatMap(({ kind, start, end }) => {
    const sql = text.slice(start, end)
    const isSetting =
      /^(VariableSet|Prepare|Deallocate|Load)Stmt$/.test(kind) && !/^set\s+(local|transaction)\b/i.test(sql)
    return isSetting || (kind !== 'CreateFunctionStmt' && /\bset_config\s*\(/i.test(sql)) ? [[start, end] as const] : []
  })
}

const temporary =
  /\bcreate\s+(?:(?:local|global)\s+)?temp(?:orary)?\s+(?:table|view|sequence)\s+(?:if\s+not\s+exists\s+)?("[^"]+"|\w+)/gi

/** The compiler refuses temporary tables here, but an earlier one did not, and they may have been allowed. */
function refuseLostRelation(outside: OutsideFile, until: number): void {
  const { text, migration } = outside
  const rest = text.slice(until).toLowerCase()
  for (const found of text.slice(0, until).matchAll(temporary)) {
    const name = found[1]!
    if (!rest.includes(name.replaceAll('"', '').toLowerCase())) continue
    const reason = new Error(`the temporary relation ${name} went with its session, and what is left speaks of it`)
    throw cannotGoOn(outside, placeAt(migration.file, text, found.index), reason)
  }
}

function cannotGoOn({ migration: { name, file } }: OutsideFile, place: Place, error: Error | unknown): Failure {
  return new Failure(
    'PARTIAL',
    `migration ${name} stopped half way and cannot go on: the session is not as its earlier statements had made it`,
    {
      ...describeSqlError(error),
      place,
      list: halfDoneCommands(name),
      next: `Complete ${file} by hand or take it back, and run one of these.`,
    },
    error,
  )
}
