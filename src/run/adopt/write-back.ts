import { Failure } from '../../errors.ts'
import { adopterOf } from '../../history/adopt/adopters.ts'
import { writeBackOf, writtenFormats } from '../../history/adopt/write-back/write-backs.ts'
import { asciiLiteral } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'

/**
 * Our tables, with the row that the folder's own tool would write alongside each of ours; makes the tool's table where
 * there is none. Throws USAGE for a tool whose rows cannot be written.
 */
export async function withWriteBack(
  { run, bundle }: Job,
  session: Session,
  tables: HistoryTables,
): Promise<HistoryTables> {
  const { config } = run
  if (!config.writeBack) return tables
  const format = config.format === 'auto' ? bundle.format : config.format
  const tool = writeBackOf(format)
  if (!tool) throw cannotWrite(format)
  const found = await adopterOf(format)!.read(session)
  if (!found) await session.query(tool.create)
  const table = found?.table ?? tool.table
  const origins = await bundle.origins()
  const literal = (text: string) => asciiLiteral(session, text)
  return {
    ...tables,
    alongside: (name) => {
      const origin = origins.get(name.normalize('NFC'))
      return origin ? tool.row({ table, name, origin, literal }) : []
    },
  }
}

function cannotWrite(format: string): Failure {
  return new Failure('USAGE', `UPFRONT_WRITE_BACK: the rows of ${format} cannot be written`, {
    next: `It is for folders of ${writtenFormats.join(', ')}. Leave it out, and the tool's table is only read.`,
  })
}
