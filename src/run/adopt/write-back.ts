import { Failure } from '../../errors.ts'
import type { WriteBack } from '../../history/adopt/write-back/write-back.ts'
import { writeBackOf, writtenFormats } from '../../history/adopt/write-back/write-backs.ts'
import { asciiLiteral } from '../../history/rows.ts'
import type { HistoryTables } from '../../history/tables.ts'
import type { Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'
import { type ToBeWritten, openTheirTable } from './their-table.ts'

/** The tool whose rows are to be written; null when nobody has asked for them. Throws USAGE when that cannot be done. */
export function writtenTool({ run, bundle }: Job): WriteBack | null {
  const { config } = run
  if (!config.writeBack) return null
  const format = config.format === 'auto' ? bundle.format : config.format
  const tool = writeBackOf(format)
  if (tool) return tool
  throw new Failure('USAGE', `UPFRONT_WRITE_BACK: the rows of ${format} cannot be written`, {
    next: `It is for folders of ${writtenFormats.join(', ')}. Leave it out, and the tool's table is only read.`,
  })
}

/**
 * Our tables, with the row that the folder's own tool would write alongside that of each migration to run; makes the
 * tool's table where there is none. Throws DENIED when the role may not.
 */
export async function withWriteBack(
  job: Job,
  session: Session,
  tables: HistoryTables,
  toRun: readonly Migration[],
): Promise<HistoryTables> {
  const tool = writtenTool(job)
  if (!tool) return tables
  const origins = await job.bundle.origins()
  const literal = (text: string) => asciiLiteral(session, text)
  const describe = (name: string): ToBeWritten | undefined => {
    const origin = origins.get(name.normalize('NFC'))
    return origin && { name, origin, literal }
  }
  // An empty table of theirs, made for seeds alone, would say that no migration has run.
  const first = toRun[0] && describe(toRun[0].name)
  if (!first) return tables
  const theirs = await openTheirTable(session, tool, first)
  const alongside = (name: string) => {
    const one = describe(name)
    return one ? tool.row({ ...one, ...theirs }) : []
  }
  return { ...tables, alongside }
}
