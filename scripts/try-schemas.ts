#!/usr/bin/env node
/**
 * `node scripts/try-schemas.ts <folder> [--server URL] [--other URL] [--only TEXT]`: for each folder in it with an a.sql
 * and a b.sql, makes the schema of each in an empty database and prints whether their difference is seen and whether a.sql
 * twice is silent; with `--other`, a server of another major version, also whether both are the same there. Roles that the
 * files create are dropped again: give it a server of its own. Without `--server` it starts one.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { describeSchema } from '../src/catalog/describe.ts'
import type { Description } from '../src/schema/description.ts'
import { type Difference, compareSchemas, isSame } from '../src/schema/difference.ts'
import { withPostgres } from '../src/embedded/postgres.ts'
import { openForScript } from './try-schemas/session.ts'

const options = {
  server: { type: 'string' },
  other: { type: 'string' },
  only: { type: 'string', default: '' },
} as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
if (positionals.length !== 1) throw new Error('which folder? node scripts/try-schemas.ts <folder> [--server URL]')
const dir = positionals[0]!
const everything = { exclude: [], also: ['owners', 'grants', 'comments'] } as const

if (values.server) await tryAll(values.server)
else await withPostgres({ auth: 'trust', settings: { wal_level: 'logical' } }, ({ url }) => tryAll(url))

async function tryAll(server: string): Promise<void> {
  const counts = new Map<string, number>()
  for (const pair of readdirSync(dir).sort()) {
    if (!pair.includes(values.only) || !existsSync(join(dir, pair, 'a.sql'))) continue
    for (const [verdict, detail] of await tryPair(server, pair)) {
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
      console.log(`${pair}: ${verdict}${detail === '' ? '' : `: ${detail}`}`)
    }
  }
  console.log(Object.fromEntries(counts))
}

async function tryPair(server: string, pair: string): Promise<(readonly [string, string])[]> {
  const a = await make(server, pair, 'a.sql')
  const again = await make(server, pair, 'a.sql')
  const b = await make(server, pair, 'b.sql')
  const said: [string, string][] = []
  if (typeof a === 'string') said.push(['a.sql cannot run', a])
  if (typeof b === 'string') said.push(['b.sql cannot run', b])
  if (typeof a === 'object' && typeof again === 'object')
    said.push(silence('itself', compareSchemas(a, again, everything)))
  if (typeof a === 'object' && typeof b === 'object') said.push(seen(a, b))
  for (const [file, here] of values.other === undefined
    ? []
    : ([
        ['a.sql', a],
        ['b.sql', b],
      ] as const)) {
    const there = await make(values.other!, pair, file)
    if (typeof here === 'object' && typeof there === 'object')
      said.push(silence('the other major', compareSchemas(here, there, everything)))
  }
  return said
}

function silence(against: string, difference: Difference): [string, string] {
  return isSame(difference) ? [`silent against ${against}`, ''] : [`NOISE against ${against}`, words(difference)]
}

function seen(a: Description, b: Description): [string, string] {
  const difference = compareSchemas(a, b, everything)
  if (!isSame(difference)) return ['seen', '']
  const inOne = [...a.notModelled, ...b.notModelled].filter(
    (name) => a.notModelled.includes(name) !== b.notModelled.includes(name),
  )
  return inOne.length > 0 ? ['seen as not modelled', inOne.join(', ')] : ['NOT SEEN', a.notModelled.join(', ')]
}

function words({ missing, unexpected, different }: Difference): string {
  return [
    ...missing.map(({ kind, name }) => `missing ${kind} ${name}`),
    ...unexpected.map(({ kind, name }) => `unexpected ${kind} ${name}`),
    ...different.map(({ expected: { kind, name, is }, found }) => `${kind} ${name}: ${is} <> ${found.is}`),
  ].join('; ')
}

/** The schema that a file makes in an empty database, or why it cannot. */
async function make(server: string, pair: string, file: string): Promise<Description | string> {
  const admin = new pg.Client(server)
  admin.on('notice', () => {})
  await admin.connect()
  const roles = await listRoles(admin)
  // One that was killed has left its own.
  await admin.query(`drop database if exists upfront_try with (force)`)
  await admin.query(`create database upfront_try template template0`)
  const url = new URL(server)
  url.pathname = '/upfront_try'
  const session = await openForScript(url.href)
  try {
    await session.query(readFileSync(join(dir, pair, file), 'utf8'))
    return await describeSchema(session, { without: [], withoutTables: [] })
  } catch (error) {
    return (error as Error).message
  } finally {
    await dropSubscriptions(session.client)
    session.close()
    await admin.query('drop database upfront_try with (force)')
    await dropRoles(admin, roles)
    await admin.end()
  }
}

async function listRoles(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles')
  return rows.map(({ rolname }) => rolname)
}

async function dropRoles(client: pg.Client, kept: readonly string[]): Promise<void> {
  const made = (await listRoles(client)).filter((role) => !kept.includes(role)).map(pg.escapeIdentifier)
  // One may have been granted by another.
  for (const role of [...made, ...made]) {
    await client.query(`drop owned by ${role} cascade; drop role ${role}`).catch(() => {})
  }
}

/** A database that has one cannot be dropped. */
async function dropSubscriptions(client: pg.Client): Promise<void> {
  await client.query('rollback').catch(() => {})
  const { rows } = await client.query<{ subname: string }>('select subname from pg_subscription')
  for (const name of rows.map(({ subname }) => pg.escapeIdentifier(subname)))
    for (const action of ['disable', 'set (slot_name = none)'])
      await client.query(`alter subscription ${name} ${action}`).catch(() => {})
  for (const { subname } of rows) await client.query(`drop subscription ${pg.escapeIdentifier(subname)}`)
}
