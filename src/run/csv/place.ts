import { createReadStream } from 'node:fs'
import type { Place } from '../../errors.ts'
import type { Session } from '../../postgres/session.ts'
import { placeAt } from '../../sql/position.ts'

interface PgError extends Error {
  readonly code?: string
  readonly where?: string
  readonly column?: string
  readonly constraint?: string
  place?: Place
}

/** A CSV file that is being loaded: the names of its columns, and where its rows go, quoted. */
export interface CsvFile {
  readonly path: string
  /** For messages. */
  readonly file: string
  readonly header: readonly string[]
  readonly table: string
  /** The temporary table that COPY fills. */
  readonly loaded: string
  /** The statement that takes its rows over, for which a condition can be added after `from ${loaded}`. */
  readonly insert: (condition: string) => string
}

/** The error of a COPY with its place in the file, which Postgres' CONTEXT names in whatever language. */
export async function placeCopyError(csv: CsvFile, error: unknown): Promise<unknown> {
  const [, line, rest = ''] = /upfront_csv\D*?(\d+)(.*)/.exec((error as PgError).where ?? '') ?? []
  if (line === undefined) return error
  // `, column name: "value"`, of which the name may hold a colon and not be one of ours.
  const column = csv.header.find((name) => rest.includes(` ${name}: `) || rest.endsWith(` ${name}`))
  return withPlace(csv, error, ({ lastLine }) => lastLine >= Number(line), column)
}

/** An error with the place of a line `\\.` that is not quoted; undefined without one. */
export async function findEarlyEnd(csv: CsvFile): Promise<unknown> {
  if (!(await hasText(csv.path, '\\.'))) return undefined
  const what = 'a line of nothing but \\. ends the data for this server; as a value write it in quotes: "\\."'
  const error = new Error(what) as PgError
  await withPlace(csv, error, ({ record, text }) => record > 0 && /^\\\.\r?$/.test(text))
  return error.place && error
}

async function hasText(path: string, wanted: string): Promise<boolean> {
  let before = ''
  for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
    const text = before + String(chunk)
    if (text.includes(wanted)) return true
    before = text.slice(1 - wanted.length)
  }
  return false
}

/** The error of a header that names what the table does not have, with its place. */
export async function placeHeaderError(csv: CsvFile, error: unknown): Promise<unknown> {
  if ((error as PgError).code !== '42703') return error
  const column = csv.header.find((name) => (error as Error).message.includes(`"${name}"`))
  return withPlace(csv, error, () => true, column)
}

/**
 * The error of the insert with the place of the row that it is about, where one row can be named. The transaction is to be
 * at the savepoint `upfront_csv` before the insert; it is worth nothing afterwards.
 */
export async function placeInsertError(session: Session, csv: CsvFile, error: unknown): Promise<unknown> {
  const { code = '', column } = error as PgError
  if (!/^(21|22|23|P0)/.test(code)) return error
  try {
    await session.query('rollback to savepoint upfront_csv')
    const row = await (code === '23503'
      ? findUnmatched(session, csv, error as PgError)
      : findFailing(session, csv, error))
    return row === undefined ? error : await withPlace(csv, error, ({ record }) => record === row, column)
  } catch {
    // The error itself matters more than its place.
    return error
  }
}

/** Which row the insert stops at when it runs again: a sequence counts them, and keeps its number over the failure. */
async function findFailing(session: Session, { loaded, insert }: CsvFile, error: unknown): Promise<number | undefined> {
  await session.query('create temporary sequence upfront_row; savepoint upfront_again')
  const again = await session
    .query(insert(`where nextval('pg_temp.upfront_row') > 0`))
    .catch((e: unknown) => e as PgError)
  if (Array.isArray(again) || again.code !== (error as PgError).code) return undefined
  await session.query('rollback to savepoint upfront_again')
  const [counted] = await session.query<{ at: number; all: number }>(
    `select (select last_value from pg_temp.upfront_row)::int as at, (select count(*) from ${loaded})::int as all`,
  )
  // What is checked after all rows, such as an AFTER trigger, stops at the last row though another one may be wrong.
  const isCertain = counted!.at < counted!.all || (/^(21|22|23)/.test(again.code ?? '') && again.where === undefined)
  return isCertain ? counted!.at : undefined
}

/** The first row whose foreign key has nothing to refer to, neither in its table nor, for one to itself, in the file. */
async function findUnmatched(session: Session, csv: CsvFile, { constraint }: PgError): Promise<number | undefined> {
  const [key] = await session.query<{ own: string[]; theirs: string[]; other: string; isSelf: boolean }>(
    `select array(select attname::text from unnest(c.conkey) with ordinality k (n, i)
        join pg_catalog.pg_attribute on attrelid = c.conrelid and attnum = n order by i) as own,
      array(select attname::text from unnest(c.confkey) with ordinality k (n, i)
        join pg_catalog.pg_attribute on attrelid = c.confrelid and attnum = n order by i) as theirs,
      c.confrelid::regclass::text as other, c.confrelid = c.conrelid as "isSelf"
     from pg_catalog.pg_constraint c where c.conrelid = $1::regclass and c.conname = $2 and c.contype = 'f'`,
    [csv.table, constraint ?? ''],
  )
  if (!key || [...key.own, ...(key.isSelf ? key.theirs : [])].some((name) => !csv.header.includes(name)))
    return undefined
  const quote = session.client.escapeIdentifier
  const matches = key.own.map((name, i) => `o.${quote(key.theirs[i]!)} = f.${quote(name)}`).join(' and ')
  const missing = [key.other, ...(key.isSelf ? [csv.loaded] : [])].map(
    (table) => `and not exists (select from ${table} o where ${matches})`,
  )
  const [row] = await session.query<{ at: number }>(
    `select at::int from (select row_number() over () as at, * from ${csv.loaded}) f
     where ${key.own.map((name) => `f.${quote(name)} is not null`).join(' and ')} ${missing.join(' ')} order by at limit 1`,
  )
  return row?.at
}

/** A record of the file: the header is number 0, each with the lines, from 1, that it is on. */
interface CsvRecord {
  readonly record: number
  readonly firstLine: number
  readonly lastLine: number
  readonly text: string
}

async function withPlace(
  csv: CsvFile,
  error: unknown,
  isIt: (record: CsvRecord) => boolean,
  column?: string,
): Promise<unknown> {
  for await (const one of readRecords(csv.path)) {
    if (!isIt(one)) continue
    const offset = column === undefined ? 0 : offsetOfCell(one.text, csv.header.indexOf(column))
    const place = placeAt(csv.file, one.text, offset)
    ;(error as PgError).place = { ...place, line: place.line + one.firstLine - 1, text: place.text.replace(/\r$/, '') }
    return error
  }
  return error
}

const longestRecord = 1 << 20

/** Counts as COPY does: a line end inside quotes begins a line of the file, but does not end the record. */
async function* readRecords(path: string): AsyncGenerator<CsvRecord> {
  let [record, firstLine, line, quotes] = [0, 1, 1, 0]
  let text = ''
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop()!
    for (const one of lines) {
      quotes += one.split('"').length - 1
      // A quote that is never closed would have the rest of the file in it.
      if (text.length < longestRecord) text += text === '' ? one : `\n${one}`
      if (quotes % 2 === 0) {
        yield { record, firstLine, lastLine: line, text: record === 0 ? text.replace(/^\uFEFF/, '') : text }
        ;[record, firstLine, text, quotes] = [record + 1, line + 1, '', 0]
      }
      line += 1
    }
  }
  if (text !== '' || rest !== '')
    yield { record, firstLine, lastLine: line, text: text === '' ? rest : `${text}\n${rest}` }
}

/** Where the cell with this number (from 0) begins in a record. */
function offsetOfCell(text: string, cell: number): number {
  let isQuoted = false
  let seen = 0
  for (let at = 0; at < text.length; at += 1) {
    if (seen >= cell) return at
    if (text[at] === '"') isQuoted = !isQuoted
    else if (text[at] === ',' && !isQuoted) seen += 1
  }
  return text.length
}
