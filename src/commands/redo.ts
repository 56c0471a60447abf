import { Failure } from '../errors.ts'
import { withFloors } from '../history/floors.ts'
import { repairCommand } from '../history/repair/command.ts'
import { readHistory } from '../history/rows.ts'
import type { HistoryTables } from '../history/tables.ts'
import { withWriteBack } from '../run/adopt/write-back.ts'
import { applyAll } from '../run/apply.ts'
import { openMigrationsOf } from '../run/folders.ts'
import { startJob } from '../run/job.ts'
import { reportEnd } from '../run/reconnect.ts'
import { revertAll } from '../run/revert-all.ts'
import type { Run } from '../run/run.ts'
import { announce } from '../run/server.ts'
import { underLock } from '../run/under-lock.ts'

/** Takes the newest migration back and applies it again, for the time when it is still being written. */
export async function redo(run: Run): Promise<number> {
  const job = startJob(run, 'redo', await openMigrationsOf(run), null)
  announce(run, 'redo', job.bundle)
  return reportEnd(job, () =>
    underLock(job, async (tables, on) => {
      const files = new Map((await job.bundle.list()).map((migration) => [migration.name, migration]))
      let written: HistoryTables = tables
      const [row] = await revertAll(job, tables, on, async (rows) => {
        const newest = rows.slice(0, 1)
        for (const { name } of newest) if (!files.has(name.normalize('NFC'))) throw gone(name)
        // Taken back only when it can be applied again, and recorded as up would.
        const again = await job.bundle.open(newest.map(({ name }) => files.get(name.normalize('NFC'))!))
        const contracts = again.flatMap(({ name, contract }) => (contract ? [name] : []))
        const back = await withWriteBack(job, on.session, tables, again)
        written = await withFloors(on.session, back, contracts)
        return newest
      })
      if (!row) return
      const history = (await readHistory(on.session, tables)) ?? []
      const migrations = await job.bundle.open([files.get(row.name.normalize('NFC'))!])
      await applyAll(job, written, on, { migrations, repeatable: [], seeds: [], history })
      run.emit({ type: 'done', applied: 1, seeded: 0, reverted: 1, elapsedMs: performance.now() - job.begun })
    }),
  )
}

function gone(name: string): Failure {
  return new Failure('MISMATCH', `the newest applied migration is ${name}, which this bundle does not have`, {
    next: `Nothing was changed: it could not be applied again. To take it back only: upfront down. To forget it: ${repairCommand('forget', name)}`,
  })
}
