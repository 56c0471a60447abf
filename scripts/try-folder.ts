#!/usr/bin/env node
/**
 * `npm run try-folder -- <folder> [--format X] [--server URL] [--program dist/entrypoint.js]`: runs another project's
 * migrations as their own tool does, and with `upfront up`, on an empty database and on one whose first half the tool has
 * done; prints a row of a table that says whether the schemas agree. Nothing of it is left on the server.
 */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { chooseLayout } from '../src/folder/layouts/choose.ts'
import { viewFolder } from '../src/folder/layouts/folder-view.ts'
import type { Format } from '../src/migration.ts'
import { withPostgres } from './postgres.ts'
import { runReference } from './try-folder/reference.ts'
import { rowsOf, writeRow } from './try-folder/rows.ts'
import { describeSchema, difference } from './try-folder/schema.ts'

const options = {
  format: { type: 'string', default: 'auto' },
  server: { type: 'string' },
  program: { type: 'string', default: join(import.meta.dirname, '../entrypoint.ts') },
} as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
if (positionals.length !== 1) throw new Error('which folder? npm run try-folder -- <folder> [--format X]')
const dir = resolve(positionals[0]!)
const format = values.format as Format | 'auto'
/** Values for placeholders, as the program takes them from its environment. */
const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('UPFRONT_')))

if (values.server) await tryFolder(values.server)
else await withPostgres({ auth: 'trust' }, ({ url }) => tryFolder(url))

async function tryFolder(server: string): Promise<void> {
  const folder = viewFolder(dir, valuesOf(ours))
  const layout = chooseLayout(folder, format, dir)
  const { migrations, problems, notices = [] } = layout.list(folder, dir)
  console.log(`${dir}: ${layout.format}, ${migrations.length} migrations`)
  for (const { what } of [...problems, ...notices].slice(0, 5)) console.log(`  ${what}`)
  const tables =
    /drizzle|_prisma_migrations|schema_migrations|goose_db_version|_sqlx_migrations|flyway_schema_history|gorp_migrations|pgmigrations|schema_version/

  const rows = rowsOf[layout.format]
  const whole = await withDatabase(server, async (client) => {
    // Some migrations look into the table of their own tool.
    if (rows) await client.query(rows.create)
    const outcome = await runReference(client, folder, layout, { migrations, record: async () => {} })
    return { ...outcome, schema: await describeSchema(client, tables) }
  })
  console.log(`  the tool:      ${whole.error ?? `all ${whole.done}`}`)
  const alone = await withDatabase(server, async (client, url) => {
    const outcome = up(url)
    return { ...outcome, schema: await describeSchema(client, tables) }
  })
  tell('upfront', alone, whole)
  if (whole.error !== null || !rowsOf[layout.format]) return
  const half = await withDatabase(server, async (client, url) => {
    const first = migrations.slice(0, Math.ceil(migrations.length / 2))
    await client.query(rowsOf[layout.format]!.create)
    const record = (one: (typeof first)[number], bytes: Buffer) =>
      writeRow(client, layout.format, one.origin!(bytes), one.name)
    const outcome = await runReference(client, folder, layout, { migrations: first, record })
    if (outcome.error !== null) console.log(`  the first half: ${outcome.error}`)
    const second = up(url)
    return { ...second, schema: await describeSchema(client, tables) }
  })
  tell('half and half', half, whole)
}

function valuesOf(variables: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const prefix = 'UPFRONT_PLACEHOLDER_'
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value ?? '']] : [],
    ),
  )
}

interface Outcome {
  readonly exit: number | null
  readonly log: string
}

function up(url: string): Outcome {
  const env = {
    ...ours,
    PATH: process.env['PATH'],
    UPFRONT_DATABASE_URL: url,
    UPFRONT_MIGRATIONS_DIR: dir,
    UPFRONT_FORMAT: format,
  }
  const { status, stderr } = spawnSync(process.execPath, [values.program, 'up'], {
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  return { exit: status, log: stderr }
}

function tell(
  who: string,
  found: Outcome & { readonly schema: readonly string[] },
  whole: { readonly schema: readonly string[] },
): void {
  const applied = found.log.match(/^applied /gm)?.length ?? 0
  const adopted = /^adopted +(\d+)/m.exec(found.log)?.[1] ?? 0
  const differs = difference(whole.schema, found.schema)
  const schema =
    differs.length === 0
      ? `the same schema (${whole.schema.length} lines)`
      : `${differs.length} lines of the schema differ`
  console.log(`  ${`${who}:`.padEnd(14)} exit ${found.exit}, ${adopted} adopted, ${applied} applied, ${schema}`)
  for (const line of differs.slice(0, 6)) console.log(`    ${line}`)
  if (found.exit === 0) return
  const words = found.log.split('\n').filter((line) => /^(error| )/.test(line) && !/not run:|applied:/.test(line))
  for (const line of words.slice(0, 8)) console.log(`    ${line.slice(0, 200)}`)
}

/** Runs `use` in a database of its own. */
async function withDatabase<T>(server: string, use: (client: pg.Client, url: string) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  const name = `try_${process.pid}_${Date.now()}`
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  await admin.query(`create database ${name}`)
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    return await use(client, url)
  } finally {
    await client.end()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  }
}
