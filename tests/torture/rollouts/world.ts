// What a walk goes through: a database, its images, and the pods that live.
import type { Server } from '../../../src/embedded/postgres.ts'
import type { Database } from '../../support/database.ts'
import type { Dice } from './dice.ts'
import { type Image, makeImages, rig } from './images.ts'
import type { Pod } from './pods.ts'

export interface World {
  readonly db: Database
  readonly server: Server
  readonly dice: Dice
  readonly images: readonly Image[]
  readonly pods: Pod[]
  /** The role that pods are members of. */
  readonly group: string
  /** Whether sessions of the application bear its version, and count. */
  readonly sessions: boolean
  /** How the program signs in, in this walk. */
  readonly env: Readonly<Record<string, string>>
  /** What was done so far, for people. */
  readonly story: string[]
}

/** A row of the history, of migrations only. */
export interface Row {
  readonly name: string
  readonly state: string
}

export async function makeWorld(db: Database, server: Server, dice: Dice): Promise<World> {
  const [owner, group] = [`${db.name}_owner`, `${db.name}_app`]
  await db.query(`${rig}; create role ${owner} login password 'own'; create role ${group};
    create role ${owner}_member login in role ${owner} password 'own';
    grant create on database ${db.name} to ${owner}; alter schema public owner to ${owner}`)
  const as = (user: string) => ({ UPFRONT_DATABASE_URL: db.urlOf({ user, password: 'own' }) })
  const sessions = dice.is(0.3)
  const signIn = dice.pick([{}, as(owner), { ...as(`${owner}_member`), UPFRONT_ROLE: owner }])
  const env = { ...signIn, UPFRONT_LEASE_TTL: '2s', ...(sessions ? { UPFRONT_APP_PATTERN: 'shop/{version}' } : {}) }
  return { db, server, dice, images: makeImages(db.dir, dice), pods: [], group, sessions, env, story: [] }
}

/** What a pod needs to hold a lease, as soon as there is something to grant. */
export async function grantPods({ db, group }: World): Promise<void> {
  const [row] = await db.query<{ there: boolean }>(`select to_regclass('upfront.leases') is not null as there`)
  if (row!.there)
    await db.query(`grant usage on schema upfront to ${group}; grant select on upfront.history to ${group};
      grant select, insert, update, delete on upfront.leases to ${group}`)
}

export async function readRows({ db }: World): Promise<readonly Row[]> {
  const [row] = await db.query<{ there: boolean }>(`select to_regclass('upfront.history') is not null as there`)
  if (!row!.there) return []
  return db.query<Row>(`select name, state from upfront.history where kind = 'migration' order by id`)
}

export async function readColumns({ db }: World): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = to_regclass('app') and attnum > 0 and not attisdropped`,
  )
  return new Set(rows.map(({ name }) => name))
}

/** Every migration that there is in any image. */
export const allMigrations = ({ images }: World) => images.at(-1)!.migrations

/** What was applied, or half applied, that took away what this image may use. */
export function floorsOf(world: World, image: Image, rows: readonly Row[]): readonly string[] {
  const own = new Set(image.migrations.map(({ name }) => name))
  const contracts = new Set(allMigrations(world).flatMap(({ name, contract }) => (contract ? [name] : [])))
  return rows.flatMap(({ name }) => (contracts.has(name) && !own.has(name) ? [name] : []))
}

export const aheadOf = (image: Image, rows: readonly Row[]) =>
  rows.filter(({ name }) => !image.migrations.some((one) => one.name === name))

export const isApplied = (rows: readonly Row[], name: string) =>
  rows.some((row) => row.name === name && row.state !== 'running')

export const isHalfDone = (rows: readonly Row[], name: string) =>
  rows.some((row) => row.name === name && row.state === 'running')
