import { advise } from '../run/examine/advice.ts'
import { asData } from '../run/examine/data.ts'
import { examineDatabase } from '../run/examine/database.ts'
import { examineFolder } from '../run/examine/folder.ts'
import { renderPage } from '../run/examine/page.ts'
import { findFailuresOfFiles } from '../run/examine/pending.ts'
import type { Run } from '../run/run.ts'

/**
 * Answers with what the folder, the settings and the database are, and what up would do with them; resolves with the
 * exit code that up would end with, as far as can be seen. It changes nothing and takes no lock.
 */
export async function doctor(run: Run): Promise<number> {
  const folder = await examineFolder(run)
  const database = await examineDatabase(run, folder)
  // Where there is no database yet, everything is pending.
  const isEmpty = database === null || database.isToCreate === true
  const advice = advise(folder, database, isEmpty ? await findFailuresOfFiles(run, folder) : [])
  const examined = { folder, database, unnamed: run.config.unnamed, advice }
  run.answer(run.flags['json'] ? JSON.stringify(asData(examined), null, 2) : renderPage(examined, run.redact))
  return advice.exit
}
