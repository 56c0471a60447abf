import { Failure } from '../../errors.ts'
import type { WriteBack } from '../../history/adopt/write-back/write-back.ts'
import { writeBackOf, writtenFormats } from '../../history/adopt/write-back/write-backs.ts'
import { asciiLiteral } from '../../history/rows.ts'
import { type HistoryTables, ensureRepairColumns } from '../../history/tables.ts'
import type { Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
import type { Job } from '../job.ts'
import { adopterFor } from './foreign-history.ts'
import { type ToBeWritten, findTheirTable, openTheirTable } from './their-table.ts'

/** The tool whose rows are to be written; null when nobody has asked for them. Throws USAGE when that cannot be done. */
export function writtenTool({ run, bundle }: Job): WriteBack | null {
  const { config } = run
  if (!config.writeBack) return null
  const format = config.format === 'auto' ? bundle.format : config.format
  const tool = writeBackOf(format)
  if (tool?.schema !== undefined && config.tenant) {
    throw new Failure('USAGE', `UPFRONT_WRITE_BACK: ${format} keeps one table for a database, and not for a tenant`, {
      next: 'Leave it out: the row of one tenant would say of all that it is applied.',
    })
  }
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
  const describe = await openDescriptions(job, session)
  // An empty table of theirs, made for seeds alone, would say that no migration has run.
  const first = toRun[0] && describe(toRun[0].name)
  if (!first) return tables
  const theirs = await openTheirTable(session, tool, first, job.run.config)
  const alongside = (name: string) => {
    const one = describe(name)
    return one ? tool.row({ ...one, ...theirs }) : []
  }
  return { ...tables, alongside }
}

/**
 * Our tables, for taking migrations back: the run's own row names each of them, because from then on nothing that the
 * other tool's history says of it counts; and with write-back the tool's row goes as well, where it has a table.
 * Throws before a run has begun: USAGE when that tool's rows cannot be written, DENIED when the role may not.
 */
export async function withRevertBack(
  job: Job,
  session: Session,
  tables: HistoryTables,
): Promise<(runId: string) => HistoryTables> {
  if (!adopterFor(job.run.config, job.bundle)) return () => tables
  await ensureRepairColumns(session, tables)
  const tool = writtenTool(job)
  const theirs = tool && (await findTheirTable(session, tool, job.run.config))
  const describe = await openDescriptions(job, session)
  const note = (name: string, runId: string) =>
    `update ${tables.runs} set action = 'reverted',
       subject = pg_catalog.concat_ws(E'\\n', subject, ${asciiLiteral(session, name)}) where id = ${runId} returning 1`
  const remove = (name: string) => {
    const one = describe(name)
    return tool && theirs && one ? tool.remove({ ...one, ...theirs }) : []
  }
  return (runId) => ({ ...tables, alongsideRevert: (name) => [note(name, runId), ...remove(name)] })
}

/** What is written of a migration, by its name; undefined for one that the folder does not have. */
async function openDescriptions({ bundle }: Job, session: Session) {
  const origins = await bundle.origins()
  const names = (await bundle.list()).map(({ name }) => name)
  const literal = (text: string) => asciiLiteral(session, text)
  return (spelled: string): ToBeWritten | undefined => {
    const name = spelled.normalize('NFC')
    const origin = origins.get(name)
    if (!origin) return undefined
    const before = names[names.indexOf(name) - 1]
    const previous = (before === undefined ? undefined : origins.get(before)?.key) ?? null
    return { name, origin, previous, literal }
  }
}
