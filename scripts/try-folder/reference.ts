// Runs a folder as its own tool does, as far as a client of Postgres can: the measure of what Upfront makes of it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { findSegments } from '../../src/sql/segments.ts'
import type { Folder, Layout, SourceMigration } from '../../src/folder/layouts/layout.ts'

/** How far it came, and why no further. */
export interface Reference {
  readonly done: number
  readonly error: string | null
}

/** Runs the first `count` migrations; `record` is told of each, to write the row of the tool. */
export async function runReference(
  client: pg.Client,
  { dir }: Folder,
  { format }: Layout,
  {
    migrations,
    record,
  }: {
    readonly migrations: readonly SourceMigration[]
    readonly record: (one: SourceMigration, bytes: Buffer) => Promise<unknown>
  },
): Promise<Reference> {
  // drizzle runs all that is pending in one transaction, the others each file in its own.
  if (format === 'drizzle') await client.query('begin')
  let done = 0
  try {
    for (const one of migrations) {
      const bytes = readFileSync(join(dir, one.file))
      await runOne(client, format, one, bytes.toString('utf8').replace(/^\uFEFF/, ''))
      await record(one, bytes)
      done += 1
    }
    if (format === 'drizzle') await client.query('commit')
    return { done, error: null }
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    await client.query('rollback').catch(() => {})
    return { done, error: `${migrations[done]!.name}: ${code} ${message}` }
  }
}

async function runOne(client: pg.Client, format: string, one: SourceMigration, text: string): Promise<void> {
  const { up, outside } = one.parts?.(text) ?? { up: text, outside: false }
  if (format === 'drizzle') {
    for (const statement of text.split('--> statement-breakpoint')) await client.query(statement)
    return
  }
  // One message, which is one transaction unless the text says otherwise.
  if (format === 'prisma' || format === 'golang-migrate' || format === 'supabase') {
    await client.query(up)
    await client.query('reset all')
    return
  }
  const isOutside = outside || one.outside === true || (format === 'flyway' && isAlone(up))
  if (!isOutside) await client.query(`begin;\n${up}\n;commit`)
  else for (const { start, end } of findSegments(up).statements) await client.query(up.slice(start, end))
  await client.query('reset all')
}

/** Flyway looks for these and then takes no transaction. */
function isAlone(sql: string): boolean {
  return /^\s*(create|drop)\s+(unique\s+)?index\s+concurrently|^\s*(vacuum|alter\s+system)/im.test(sql)
}
