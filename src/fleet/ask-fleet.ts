import type { Run } from '../run/run.ts'
import { atLedger } from './central.ts'
import type { Listed } from './fleet.ts'
import { goThrough } from './go-through.ts'
import { openProgress } from './progress.ts'
import { type Asking, type Command, runTarget } from './run-target.ts'
import { openSlots } from './slots/slots.ts'
import { type Summary, emptySummary } from './summary.ts'

/** What is asked of each tenant, which only reads. */
export interface Question {
  /** As people call it. */
  readonly name: string
  readonly command: Command
  readonly flags: Asking['flags']
  /** Takes the answer of one. */
  readonly answered: (name: string, answer: string) => void
}

/** Asks the tenants, as many at once and on each server as `fleet up` would migrate; the ledger is not written. */
export async function askFleet(run: Run, targets: readonly Listed[], question: Question): Promise<Summary> {
  const summary = emptySummary()
  if (targets.length === 0) return summary
  const keeping = atLedger(run)
  const slots = openSlots(keeping, keeping.config.target)
  const progress = openProgress(run, question.name, targets.length, summary)
  const visit = (one: ReturnType<Listed['open']>) =>
    slots.with(one.target, async () => {
      let answer = ''
      await runTarget(run, one, question.command, { flags: question.flags, answer: (text) => (answer = text) })
      question.answered(one.name, answer)
      return 'done' as const
    })
  try {
    await goThrough({ run, summary, progress, visit, most: Infinity }, targets)
  } finally {
    await slots.close()
  }
  progress.over()
  return summary
}
