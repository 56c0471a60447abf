// The fleet of a walk and what is known of it: who its tenants are, and what is wrong with them.
import { join } from 'node:path'
import pg from 'pg'
import { writeMigrations } from '../../../../src/bundle/write.ts'
import type { Server } from '../../../../src/embedded/postgres.ts'
import { type Database, writeFolder } from '../../../support/database.ts'
import { type Step, filesOf, makeBundles } from './bundles.ts'
import type { Random } from './random.ts'

export type Kind = 'databases' | 'schemas'

export interface Tenant {
  name: string
  /** The database, or the schema. */
  readonly place: string
  readonly group: string | null
  /** Taken back by a command of its own at that time: what the ledger said before is not true any more. */
  downAt?: Date
  /** What stands in the way of a migration, and how it goes away. */
  spoiled?: { readonly step: Step; readonly undo: string }
  /** The fleet's role may not enter. */
  isDenied?: boolean
  /** Filled by hand to that step, without a history. */
  filledTo?: Step
}

export interface World {
  readonly server: Server
  readonly db: Database
  readonly kind: Kind
  readonly random: Random
  readonly tenants: Map<string, Tenant>
  readonly bundles: readonly (readonly Step[])[]
  /** As the ledger calls the bundles. */
  readonly digests: readonly string[]
  /** The role that all commands are run as. */
  readonly user: string
  /** Of a command for the fleet. */
  readonly env: (bundle: number) => Readonly<Record<string, string>>
  /** Of a command for one tenant. */
  readonly alone: (bundle: number, one: Tenant) => Readonly<Record<string, string>>
  /** As the superuser, or another role, in one tenant. */
  readonly at: <Row extends object>(one: Tenant, sql: string) => Promise<Row[]>
  /** What has been done, for whoever reads a failure. */
  readonly story: string[]
  names: number
}

export async function makeWorld(server: Server, db: Database, kind: Kind, random: Random): Promise<World> {
  const role = await db.role('login')
  await db.query(`grant create on database ${db.name} to ${role.user};
    create table tenants (name text primary key, database text, "group" text); grant select on tenants to ${role.user}`)
  const bundles = makeBundles(random)
  const digests: string[] = []
  for (const [i, steps] of bundles.entries()) {
    writeFolder(join(db.dir, `source${i + 1}`), filesOf(steps))
    digests.push((await writeMigrations(join(db.dir, `source${i + 1}`), join(db.dir, `b${i + 1}`))).digest)
  }
  const general = (bundle: number) => ({
    UPFRONT_DATABASE_URL: db.urlOf(role),
    UPFRONT_MIGRATIONS_DIR: join(db.dir, `b${bundle + 1}`),
    UPFRONT_ENV: 'development',
    UPFRONT_INVALID_INDEXES: 'drop',
    UPFRONT_LOG_FORMAT: 'json',
  })
  const fleet: Readonly<Record<string, string>> =
    kind === 'schemas'
      ? { UPFRONT_FLEET_SCHEMAS: 'tenant_*' }
      : { UPFRONT_FLEET_QUERY: 'select name, database, "group" from tenants order by name' }
  const world: World = {
    server,
    db,
    kind,
    random,
    bundles,
    digests,
    user: role.user,
    tenants: new Map(),
    env: (bundle) => ({ ...general(bundle), ...fleet }),
    alone: (bundle, { place }) =>
      kind === 'schemas'
        ? { ...general(bundle), UPFRONT_TENANT: place }
        : { ...general(bundle), UPFRONT_DATABASE_URL: db.urlOf({ ...role, database: place }) },
    at: async (one, sql) => {
      const database = kind === 'schemas' ? db.name : one.place
      const client = new pg.Client({ connectionString: db.urlOf({ database }) })
      client.on('error', () => {})
      await client.connect()
      try {
        if (kind === 'schemas') await client.query(`set search_path = ${one.place}`)
        return (await client.query(sql)).rows as never
      } finally {
        await client.end()
      }
    },
    story: [],
    names: 0,
  }
  for (let i = 6 + random.int(4); i > 0; i -= 1) await addTenant(world)
  return world
}

/** Makes one, or makes one of that name again. */
export async function addTenant(world: World, again?: Tenant): Promise<Tenant> {
  const { db, kind, user, tenants } = world
  const number = (world.names += 1)
  const place = again?.place ?? (kind === 'schemas' ? `tenant_${number}` : `${db.name}_${number}`)
  const one = { name: again?.name ?? (kind === 'schemas' ? place : `shop ${number}`), place, group: kind === 'schemas' ? null : number % 3 === 0 ? 'pilot' : 'rest' } // prettier-ignore
  if (kind === 'schemas') await db.query(`create schema ${place} authorization ${user}`)
  else {
    await db.query(`create database ${place} owner ${user} strategy file_copy`)
    await db.query(`insert into tenants values ('${one.name}', '${place}', '${one.group}')`)
  }
  tenants.set(one.name, one)
  return one
}

export async function dropTenant({ db, kind, tenants }: World, { name, place }: Tenant): Promise<void> {
  if (kind === 'schemas') await db.query(`drop schema ${place} cascade`)
  else {
    await db.query(`delete from tenants where name = '${name}'`)
    await db.query(`drop database ${place} with (force)`)
  }
  tenants.delete(name)
}

export async function renameTenant(world: World, one: Tenant): Promise<Tenant> {
  const { db, kind, tenants } = world
  const number = (world.names += 1)
  const place = kind === 'schemas' ? `tenant_${number}` : `${db.name}_${number}`
  const name = kind === 'schemas' ? place : world.random.chance(0.5) ? `shop ${number}` : one.name
  await db.query(`alter ${kind === 'schemas' ? 'schema' : 'database'} ${one.place} rename to ${place}`)
  if (kind === 'databases')
    await db.query(`update tenants set name = '${name}', database = '${place}' where name = '${one.name}'`)
  tenants.delete(one.name)
  const renamed = { ...one, name, place }
  tenants.set(name, renamed)
  return renamed
}

/** What a tenant holds. */
export interface Held {
  /** Of its history, without what stopped half way. */
  readonly history: readonly string[]
  readonly half: readonly string[]
  /** What its migrations have left. */
  readonly ran: readonly number[]
}

export async function look(world: World, one: Tenant): Promise<Held> {
  const isSchema = world.kind === 'schemas'
  const [table, ran] = isSchema ? [`${one.place}.upfront_history`, `${one.place}.ran`] : ['upfront.history', 'public.ran'] // prettier-ignore
  const ask = <Row extends object>(sql: string) => (isSchema ? world.db.query<Row>(sql) : world.at<Row>(one, sql))
  // A table that may not be there cannot be named, so what it holds comes as XML; all in one question, because there are many.
  const rowsOf = (name: string, columns: string) =>
    `case when to_regclass('${name}') is null then null else query_to_xml('select ${columns} from ${name} order by 1', true, true, '')::text end`
  const [found] = await ask<{ history: string | null; ran: string | null }>(
    `select ${rowsOf(table, 'id, name, state, kind')} as history, ${rowsOf(ran, 'step')} as ran`,
  )
  const values = (xml: string, tag: string) =>
    [...xml.matchAll(new RegExp(`<${tag}>([^<]*)<`, 'g'))].map(([, value]) => value!)
  const names = values(found!.history ?? '', 'name')
  const states = values(found!.history ?? '', 'state')
  const rows = names.map((name, i) => ({ name, state: states[i]! }))
  const steps = values(found!.ran ?? '', 'step').map((step) => ({ step: Number(step) }))
  const isDone = ({ state }: { state: string }) => state === 'applied' || state === 'baseline'
  return {
    history: rows.filter(isDone).map(({ name }) => name),
    half: rows.filter((row) => !isDone(row)).map(({ name, state }) => `${name} ${state}`),
    ran: steps.map(({ step }) => step),
  }
}
