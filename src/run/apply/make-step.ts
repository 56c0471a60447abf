import { type Recorded, recordApplied } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Migration, Seed } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import { loadCsv } from '../csv/load.ts'
import { callModule, loadModule } from '../modules/module.ts'
import type { CodeBody, SqlBody, Step, StepContext } from './step.ts'

/** The step that applies a migration or a seed in one transaction. */
export function makeStep(run: StepContext, tables: HistoryTables, recorded: Recorded): Step {
  const { kind, one } = recorded
  const { name, file, allow } = one
  const assertion = 'assertion' in one ? one.assertion : undefined
  const record = recordApplied(run.session, tables, recorded)
  return { kind, name, file, allow, ...record, body: makeBody(run, one), assertion }
}

function makeBody(run: StepContext, one: Migration | Seed): SqlBody | CodeBody {
  const { script, name, file } = one
  switch (script.kind) {
    case 'sql':
      return script
    case 'csv':
      return { run: (session, signal) => loadCsv(session, script, file, signal) }
    case 'module':
      return {
        run: async (session: Session, signal: AbortSignal) => {
          const module = await loadModule(script, file)
          await callModule(module.up, session, { name, emit: run.emit, signal, inTransaction: true })
        },
      }
  }
}
