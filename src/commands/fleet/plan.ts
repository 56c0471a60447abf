import { Failure } from '../../errors.ts'
import { askFleet } from '../../fleet/ask-fleet.ts'
import { atLedger } from '../../fleet/central.ts'
import { readDone } from '../../fleet/ledger.ts'
import { listLeft, wantedOf } from '../../fleet/run-fleet.ts'
import { groupsAsData, nameSome, namesShown, tellGroups } from '../../fleet/summary.ts'
import { printable } from '../../report/printable.ts'
import type { Run } from '../../run/run.ts'
import { plan } from '../plan.ts'

/** Tenants with the same to be run. */
interface Alike {
  count: number
  /** The first few. */
  readonly names: string[]
}

/** Answers with the SQL that `fleet up` would run, once for all tenants that it is the same for; touches nothing. */
export async function fleetPlan(run: Run): Promise<number> {
  const { wanted } = await wantedOf(run)
  const { count, left } = await listLeft(run, await readDone(atLedger(run), wanted))
  const plans = new Map<string, Alike>()
  const answered = (name: string, answer: string) => {
    const alike = plans.get(answer) ?? { count: 0, names: [] }
    alike.count += 1
    if (alike.names.length < namesShown) alike.names.push(name)
    plans.set(answer, alike)
  }
  const flags: Run['flags'] = run.flags['json'] ? { json: true } : {}
  const summary = await askFleet(run, left, { name: 'fleet plan', command: plan, flags, answered })
  const done = count - left.length
  const sorted = [...plans].sort(([, a], [, b]) => b.count - a.count)
  if (run.flags['json']) {
    const told = sorted.map(([answer, alike]) => ({ ...alike, plan: JSON.parse(answer) as object }))
    run.answer(JSON.stringify({ done, failed: summary.failed, plans: told, failures: groupsAsData(summary) }, null, 2))
  } else {
    const head = `-- ${done} of ${count} tenants are done, by the ledger`
    const parts = sorted.map(([answer, alike]) => `\n-- ${alike.count} × ${printable(nameSome(alike.names.toSorted(), alike.count))}\n${answer.trimEnd()}`) // prettier-ignore
    run.answer([head, ...parts].join('\n'))
  }
  if (summary.failed === 0) return 0
  throw new Failure('SOME_FAILED', `of ${summary.failed} tenants it cannot be told what would be run`, {
    problems: tellGroups(summary),
    next: 'Mend what failed; nothing was changed.',
  })
}
