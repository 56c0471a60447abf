// A fleet at its size: shards as processes that are killed half way, tenants that fail, and what the server saw of it.
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Server, startPostgres } from '../../src/embedded/postgres.ts'
import { type Child, type Database, until, withDatabase } from '../support/database.ts'

const isFull = process.env['TORTURE'] === 'full'
/** A database takes a tenth of a second to be made, so that a thousand are for the long form. */
const databases = Number(process.env['FLEET_DATABASES'] ?? (isFull ? 1_000 : 60))
const schemas = Number(process.env['FLEET_SCHEMAS'] ?? (isFull ? 5_000 : 200))

const shards = 4
const connections = 12
const migrations = 6

/** Each leaves a row without any key, so that one which ran twice is seen. */
const files = Object.fromEntries(
  Array.from({ length: migrations }, (_, i) => [
    `00${i + 1}_step.sql`,
    `${i === 0 ? 'create table ran (step int);\n' : ''}create table t${i} (id int);\ninsert into ran values (${i});`,
  ]),
)

let server: Server
beforeAll(async () => {
  server = await startPostgres({
    settings: { max_connections: '60', shared_buffers: '256MB' },
  })
})
afterAll(() => server.stop('immediate'))

/** Tenants of one kind, and how one looks into them. */
interface Tenants {
  readonly names: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly spoil: (name: string, sql: string) => Promise<unknown>
  /** How many rows of `ran`, and how many of them are distinct. */
  readonly ran: (name: string) => Promise<readonly [number, number]>
  /** Sessions of ours, and how many there may be. */
  readonly busy: () => Promise<number>
  readonly most: number
  /** How many sessions tenants have had since they were made; null where they share one database. */
  readonly sessions: () => Promise<number | null>
}

async function storm(db: Database, tenants: Tenants) {
  const { names } = tenants
  const shared = { ...tenants.env, UPFRONT_FLEET_CONNECTIONS: String(connections), UPFRONT_FLEET_PARALLEL: '4' }
  const start = () =>
    Array.from({ length: shards }, (_, shard) =>
      db.spawn(['fleet', 'up'], {
        ...shared,
        UPFRONT_FLEET_SHARDS: String(shards),
        UPFRONT_FLEET_SHARD: String(shard),
      }),
    )
  const done = async () => {
    const [there] = await db.query<{ there: boolean }>(`select to_regclass('upfront.fleet') is not null as there`)
    return there!.there
      ? db.query<{ target: string; finished: Date }>(`select target, finished from upfront.fleet where state = 'done'`)
      : []
  }
  db.files(files)
  const spoiled = [names[1]!, names[Math.floor(names.length / 3)]!, names.at(-1)!]
  const [first, second, third] = spoiled
  for (const name of [first!, second!]) await tenants.spoil(name, 'create table t3 (id int)')
  // Not a relation, so that only running the file shows it.
  await tenants.spoil(third!, `create type t4 as enum ('in the way')`)

  const sampling = sample(tenants)
  const killed = start()
  await until(async () => (await done()).length >= names.length / 2 || isAnyOver(killed), 'half is done', 500_000)
  for (const child of killed) child.kill('SIGKILL')
  await Promise.all(killed.map(({ ended }) => ended))
  const before = new Map((await done()).map(({ target, finished }) => [target, finished.getTime()]))
  expect(before.size).toBeLessThan(names.length)

  const again = await Promise.all(start().map(({ ended }) => ended))
  const codes = again.map(({ exitCode }) => exitCode)
  expect(
    codes.every((code) => code === 0 || code === 35),
    again.map(({ stderr }) => stderr).join('\n'),
  ).toBe(true)
  const after = await done()
  expect(after.length).toBe(names.length - 3)
  for (const { target, finished } of after)
    if (before.has(target)) expect(finished.getTime(), target).toBe(before.get(target))

  const alone = await db.run(['fleet', 'up'], shared)
  expect(alone.exitCode, alone.stderr).toBe(35)
  expect(alone.stdout).toContain(`0 done, ${names.length - 3} with nothing to do, 3 failed, 0 not tried`)
  expect(alone.stderr.match(/\d+ × .*/g)?.map((line) => line.slice(0, 14))).toEqual([
    '2 × MISMATCH t',
    '1 × FAILED 427',
  ])
  await tenants.spoil(first!, 'drop table t3')
  await tenants.spoil(second!, 'drop table t3')
  await tenants.spoil(third!, 'drop type t4')
  const mended = await db.run(['fleet', 'up'], shared)
  expect(mended.exitCode, mended.stderr).toBe(0)
  expect(mended.stdout).toContain('3 done')

  const most = await sampling()
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(tenants.most)
  // A session is counted when it has ended.
  await sleep(1_500)
  const sessions = await tenants.sessions()
  const nothing = await db.run(['fleet', 'up'], shared)
  expect(nothing.stdout).toContain(`0 done, ${names.length} with nothing to do`)
  await sleep(1_500)
  expect(await tenants.sessions()).toBe(sessions)
  for (const name of names) expect(await tenants.ran(name), name).toEqual([migrations, migrations])
}

function isAnyOver(children: readonly Child[]): boolean {
  return children.some((child) => /^failed /m.test(child.stderr()))
}

/** Looks all the time; the answer is the most there ever were. */
function sample({ busy }: Tenants): () => Promise<number> {
  let isOver = false
  let most = 0
  const looking = (async () => {
    while (!isOver) {
      most = Math.max(most, await busy())
      await sleep(15)
    }
  })()
  return async () => {
    isOver = true
    await looking
    return most
  }
}

test(`${databases} databases`, { timeout: 1_500_000 }, async () => {
  await withDatabase(server.url, async (db) => {
    const names = Array.from({ length: databases }, (_, i) => `${db.name}_${String(i).padStart(5, '0')}`)
    await inParallel(names, 3, server.url, (client, name) => client.query(`create database ${name} strategy file_copy`))
    await db.query(
      `create table tenants as select datname::text as database from pg_database where datname like '${db.name}\\_%'`,
    )
    const at = async <Row extends pg.QueryResultRow>(name: string, sql: string) => {
      const client = new pg.Client({ connectionString: db.urlOf({ database: name }) })
      await client.connect()
      try {
        return (await client.query<Row>(sql)).rows
      } finally {
        await client.end()
      }
    }
    const number = async (sql: string) => Number((await db.query<{ n: string }>(sql))[0]!.n)
    await storm(db, {
      names,
      env: { UPFRONT_FLEET_QUERY: 'select database from tenants order by 1' },
      spoil: at,
      ran: async (name) => {
        const [row] = await at<{ all: number; once: number }>(name, 'select count(*)::int as all, count(distinct step)::int as once from ran') // prettier-ignore
        return [row!.all, row!.once]
      },
      busy: () =>
        number(
          `select count(*) as n from pg_stat_activity where datname like '${db.name}\\_%' and application_name like 'upfront/%'`,
        ),
      most: connections,
      sessions: () => number(`select sum(sessions) as n from pg_stat_database where datname like '${db.name}\\_%'`),
    })
    await inParallel(names, 3, server.url, (client, name) => client.query(`drop database ${name} with (force)`))
  })
})

test(`${schemas} schemas`, { timeout: 1_500_000 }, async () => {
  await withDatabase(server.url, async (db) => {
    const names = Array.from({ length: schemas }, (_, i) => `tenant_${String(i).padStart(5, '0')}`)
    for (let i = 0; i < names.length; i += 500)
      await db.query(
        names
          .slice(i, i + 500)
          .map((name) => `create schema ${name};`)
          .join(' '),
      )
    await storm(db, {
      names,
      env: { UPFRONT_FLEET_SCHEMAS: 'tenant_*' },
      spoil: (name, sql) => db.query(`set search_path = ${name}; ${sql}; reset search_path`),
      ran: async (name) => {
        const [row] = await db.query<{ all: number; once: number }>(`select count(*)::int as all, count(distinct step)::int as once from ${name}.ran`) // prettier-ignore
        return [row!.all, row!.once]
      },
      busy: async () => {
        const sql = `select count(*)::int as n from pg_stat_activity where datname = '${db.name}' and application_name like 'upfront/%'`
        return (await db.query<{ n: number }>(sql))[0]!.n
      },
      // The ledger's session of each shard, and the one that holds its places.
      most: connections + 2 * shards,
      sessions: async () => null,
    })
  })
})

/** Works through a list on so many connections of one server. */
async function inParallel(
  items: readonly string[],
  count: number,
  connectionString: string,
  work: (client: pg.Client, item: string) => Promise<unknown>,
) {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: count }, async () => {
      const client = new pg.Client({ connectionString })
      await client.connect()
      for (const item of queue) await work(client, item)
      await client.end()
    }),
  )
}
