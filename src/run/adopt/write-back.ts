import { Failure } from '../../errors.ts'
import { adopterOf } from '../../history/adopt/adopters.ts'
import type { Written } from '../../history/adopt/write-back/write-back.ts'
import { writeBackOf, writtenFormats } from '../../history/adopt/write-back/write-backs.ts'
import { asciiLiteral } from '../../history/rows.ts'
import { type HistoryTables, ensureRepairColumns } from '../../history/tables.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'
import { adopterFor } from './foreign-history.ts'

/**
 * Our tables, with the row that the folder's own tool would write alongside each of ours; makes the tool's table where
 * there is none. Throws USAGE for a tool whose rows cannot be written.
 */
export async function withWriteBack(job: Job, session: Session, tables: HistoryTables): Promise<HistoryTables> {
  const theirs = await openWriteBack(job, session)
  return theirs ? { ...tables, alongside: (name) => theirs(name, 'row') } : tables
}

/**
 * Our tables, for taking migrations back: the run's own row names each of them, because from then on nothing that the
 * other tool's history says of it counts; and with write-back the tool's row goes as well.
 */
export async function withRevertBack(
  job: Job,
  session: Session,
  tables: HistoryTables,
  runId: string,
): Promise<HistoryTables> {
  if (!adopterFor(job.run.config, job.bundle)) return tables
  await ensureRepairColumns(session, tables)
  const theirs = await openWriteBack(job, session)
  const note = (name: string) =>
    `update ${tables.runs} set action = 'reverted',
       subject = pg_catalog.concat_ws(E'\\n', subject, ${asciiLiteral(session, name)}) where id = ${runId} returning 1`
  return { ...tables, alongsideRevert: (name) => [note(name), ...(theirs?.(name, 'remove') ?? [])] }
}

/** The statements that write the tool's rows, by the name of a migration; null when nobody has asked for them. */
async function openWriteBack({ run, bundle }: Job, session: Session) {
  const { config } = run
  if (!config.writeBack) return null
  const format = config.format === 'auto' ? bundle.format : config.format
  const tool = writeBackOf(format)
  if (!tool) throw cannotWrite(format)
  const found = await adopterOf(format)!.read(session)
  if (!found) await session.query(tool.create)
  const table = found?.table ?? tool.table
  const origins = await bundle.origins()
  const names = (await bundle.list()).map(({ name }) => name)
  const literal = (text: string) => asciiLiteral(session, text)
  return (spelled: string, which: 'row' | 'remove'): readonly string[] => {
    const name = spelled.normalize('NFC')
    const origin = origins.get(name)
    if (!origin) return []
    const before = names[names.indexOf(name) - 1]
    const previous = (before === undefined ? undefined : origins.get(before)?.key) ?? null
    const one: Written = { table, name, origin, previous, literal }
    return tool[which](one)
  }
}

function cannotWrite(format: string): Failure {
  return new Failure('USAGE', `UPFRONT_WRITE_BACK: the rows of ${format} cannot be written`, {
    next: `It is for folders of ${writtenFormats.join(', ')}. Leave it out, and the tool's table is only read.`,
  })
}
