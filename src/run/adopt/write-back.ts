import { Failure } from '../../errors.ts'
import { adopterOf } from '../../history/adopt/adopters.ts'
import type { WriteBack, Written } from '../../history/adopt/write-back/write-back.ts'
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
  const table = found?.table ?? (await createTheirs(session, tool))
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

/** Makes the tool's table where the tool would; answers it as SQL writes it. */
async function createTheirs(session: Session, { format, schema, name, create }: WriteBack): Promise<string> {
  const [here] = await session.query<{ schema: string | null }>('select pg_catalog.current_schema()::text as schema')
  const table = `${session.client.escapeIdentifier(schema ?? here!.schema ?? 'public')}.${session.client.escapeIdentifier(name)}`
  try {
    await session.query(create(table))
    return table
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    const facts = { ...(code === undefined ? {} : { sqlstate: code }), reason: message }
    if (code === '42501')
      throw new Failure('DENIED', `the table ${table} of ${format} could not be made for UPFRONT_WRITE_BACK`, {
        ...facts,
        next: `Let ${format} make it, or grant create on that schema to ${session.client.escapeIdentifier(session.role)}.`,
      }, error) // prettier-ignore
    if (code !== '42P07') throw error
    throw new Failure('USAGE', `UPFRONT_WRITE_BACK: ${table} is there and is not as ${format} makes it`, {
      ...facts,
      next: 'Leave UPFRONT_WRITE_BACK out, or name another schema (search_path).',
    }, error) // prettier-ignore
  }
}

function cannotWrite(format: string): Failure {
  return new Failure('USAGE', `UPFRONT_WRITE_BACK: the rows of ${format} cannot be written`, {
    next: `It is for folders of ${writtenFormats.join(', ')}. Leave it out, and the tool's table is only read.`,
  })
}
