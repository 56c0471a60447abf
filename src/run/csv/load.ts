import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Failure } from '../../errors.ts'
import type { CsvScript } from '../../migration.ts'
import { type PipelineError, runPipeline } from '../../postgres/pipeline.ts'
import type { Session } from '../../postgres/session.ts'
import { findEarlyEnd, placeCopyError, placeHeaderError, placeInsertError } from './place.ts'

const loaded = 'pg_temp.upfront_csv'

/**
 * Loads a CSV file into its table, streamed: into a temporary table by COPY, from there with `on conflict (primary key)
 * do update`, so that a changed file can run again. Runs in the caller's transaction; throws SEED_FAILED, and INVALID for
 * a file that is not what was compiled.
 */
export async function loadCsv(session: Session, script: CsvScript, file: string, signal: AbortSignal): Promise<void> {
  script.verify?.()
  const quote = session.client.escapeIdentifier
  const table = script.schema === null ? quote(script.table) : `${quote(script.schema)}.${quote(script.table)}`
  const header = await readHeader(script.path)
  const columns = header.map(quote)
  const keys = await primaryKey(session, table, file)
  checkHeader(file, header, keys)
  const rest = header.filter((column) => !keys.includes(column)).map(quote)
  const update = rest.map((column) => `${column} = excluded.${column}`).join(', ')
  const insert = (condition: string) => `insert into ${table} (${columns.join(', ')}) overriding system value
    select ${columns.join(', ')} from ${loaded} ${condition}
    on conflict (${keys.map(quote).join(', ')}) do ${update === '' ? 'nothing' : `update set ${update}`}`
  const csv = { path: script.path, file, header, table, loaded, insert }
  const create = `create temporary table upfront_csv on commit drop as select ${columns.join(', ')} from ${table} with no data`
  await session.query(create).catch(async (error: unknown) => {
    throw await placeHeaderError(csv, error)
  })
  const copy = { sql: `copy ${loaded} from stdin (format csv, header true)`, data: readBytes(script.path) }
  await runPipeline(session, [copy]).catch(async ({ error }: PipelineError) => {
    throw signal.aborted ? error : await placeCopyError(csv, error)
  })
  // An older server takes a line `\.` for the end of the data, and ignores the rest without a word.
  if (session.serverVersion < 180_000) {
    const early = await findEarlyEnd(csv)
    if (early) throw early
  }
  // After going back to the savepoint the row that failed can be looked for.
  await session.query(`savepoint upfront_csv; ${insert('')}`).catch(async (error: unknown) => {
    throw signal.aborted ? error : await placeInsertError(session, csv, error)
  })
  await advanceSequences(session, table, header)
  await session.query(`drop table ${loaded}`)
}

/** Moves the sequences of identity and serial columns past the numbers in the file, never back. */
async function advanceSequences(session: Session, table: string, header: readonly string[]): Promise<void> {
  const rows = await session.query<{ name: string; sequence: string }>(
    `select name, pg_catalog.pg_get_serial_sequence($1, name) as sequence from unnest($2::text[]) as name
     where pg_catalog.pg_get_serial_sequence($1, name) is not null`,
    [table, header],
  )
  for (const { name, sequence } of rows) {
    const largest = `select max(${session.client.escapeIdentifier(name)}) as n from pg_temp.upfront_csv`
    await session.query(
      `select pg_catalog.setval($1, greatest(n, last_value)) from ${sequence}, (${largest}) as loaded where n is not null`,
      [sequence],
    )
  }
}

/** The bytes without a byte order mark at their beginning, which COPY would take for a part of the first name. */
function* readBytes(path: string): Generator<Buffer> {
  const file = openSync(path, 'r')
  // One buffer for all reads: what is sent is copied, and many buffers would wait for the garbage collector.
  const buffer = Buffer.allocUnsafe(1 << 16)
  try {
    for (let first = true; ; first = false) {
      const chunk = buffer.subarray(0, readSync(file, buffer))
      if (chunk.length === 0) return
      yield first && chunk.subarray(0, 3).equals(mark) ? chunk.subarray(3) : chunk
    }
  } finally {
    closeSync(file)
  }
}

const mark = Buffer.from([0xef, 0xbb, 0xbf])

/** The names in the first line. */
async function readHeader(path: string): Promise<string[]> {
  const input = createReadStream(path, { encoding: 'utf8', end: 1 << 20 })
  try {
    for await (const line of createInterface({ input })) return splitLine(line.replace(/^\uFEFF/, ''))
    return []
  } finally {
    input.destroy()
  }
}

function splitLine(line: string): string[] {
  const cells = line.matchAll(/(?:^|,)[ \t]*(?:"((?:[^"]|"")*)"[ \t]*|([^,]*))(?=,|$)/g)
  return [...cells].map(([, quoted, bare = '']) => quoted?.replaceAll('""', '"') ?? bare.trim())
}

async function primaryKey(session: Session, table: string, file: string): Promise<string[]> {
  const [found] = await session.query<{ exists: boolean }>('select pg_catalog.to_regclass($1) is not null as exists', [
    table,
  ])
  if (!found!.exists) {
    throw new Failure('SEED_FAILED', `${file}: there is no table ${table}`, {
      next: 'Name the file after an existing table: <digits>_<table>.csv or <digits>_<schema>.<table>.csv.',
    })
  }
  const rows = await session.query<{ name: string }>(
    `select a.attname as name from pg_catalog.pg_index i
       join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
     where i.indrelid = $1::regclass and i.indisprimary`,
    [table],
  )
  if (rows.length > 0) return rows.map(({ name }) => name)
  throw new Failure('SEED_FAILED', `${file}: table ${table} has no primary key`, {
    next: 'Give it one: without it a changed file could not run again without doubling its rows.',
  })
}

function checkHeader(file: string, header: readonly string[], keys: readonly string[]): void {
  const empty = header.join('') === ''
  const nameless = header.indexOf('') + 1
  const missing = keys.filter((key) => !header.includes(key))
  if (nameless === 0 && !empty && missing.length === 0) return
  const what =
    empty ? 'has no header line'
    : nameless > 0 ? `has no name for column ${nameless} in its header`
    : `lacks the primary key column ${missing.join(', ')}` // prettier-ignore
  throw new Failure('SEED_FAILED', `${file} ${what}`, {
    next: 'The first line names the columns, those of the primary key among them.',
  })
}
