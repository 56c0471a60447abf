import { Failure } from '../errors.ts'
import { bareName } from '../folder/bare-name.ts'
import type { HistoryRow } from '../history/rows.ts'
import { openMigrationsOf } from '../run/folders.ts'
import { startJob } from '../run/job.ts'
import { reportEnd } from '../run/reconnect.ts'
import { type Choose, revertAll } from '../run/revert-all.ts'
import type { Run } from '../run/run.ts'
import { announce } from '../run/server.ts'
import { underLock } from '../run/under-lock.ts'

/** Takes the newest migrations back, one transaction each: `--step n` of them, or all after `--to name`. */
export async function down(run: Run): Promise<number> {
  const job = startJob(run, 'down', await openMigrationsOf(run), null)
  announce(run, 'down', job.bundle)
  const choose = chooseBy(run)
  return reportEnd(job, () =>
    underLock(job, async (tables, on) => {
      await revertAll(job, tables, on, choose)
    }),
  )
}

function chooseBy(run: Run): Choose {
  const { step, to } = run.flags
  if (step !== undefined && to !== undefined) throw new Failure('USAGE', 'down takes --step or --to, not both')
  if (typeof to === 'string') {
    const isName = ({ name }: HistoryRow) => name.normalize('NFC') === to.normalize('NFC')
    return (rows) => after(rows, rows.some(isName) ? to : bareName(to))
  }
  const count = step === undefined ? 1 : Number(step)
  if (!Number.isInteger(count) || count < 1) {
    throw new Failure('USAGE', `--step ${String(step)} is not a number of migrations`, {
      next: 'For example: --step 2',
    })
  }
  return (rows) => rows.slice(0, count)
}

function after(rows: readonly HistoryRow[], name: string): readonly HistoryRow[] {
  const at = rows.findIndex((row) => row.name.normalize('NFC') === name.normalize('NFC'))
  if (at !== -1) return rows.slice(0, at)
  throw new Failure('USAGE', `${name} is not applied, so there is no going back to it`, {
    next: 'upfront status lists what is applied; --to names the one that stays as the newest.',
  })
}
