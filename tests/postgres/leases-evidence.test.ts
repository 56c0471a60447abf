import { join } from 'node:path'
import type pg from 'pg'
import { describe, expect } from 'vitest'
import { call } from '../../src/api/call.ts'
import { type Judgement, judgeEvidence } from '../../src/run/contract/judge-evidence.ts'
import { type Evidence, readEvidence } from '../../src/run/contract/evidence.ts'
import { openMigrationsOf } from '../../src/run/folders.ts'
import { requireAnswer, withServer } from '../../src/run/server.ts'
import { openDoor, shutDoor } from '../../src/run/contract/door.ts'
import { hold } from '../../src/index.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'
import { type Database, test, writeFolder } from '../support/database.ts'

const first = { '001_a.sql': 'create table a (id int, name text)' }
const second = { ...first, '002_b.sql': 'alter table a add full_name text' }
const third = { ...second, '003_c.sql': 'select 1' }

interface Asking {
  readonly url?: string
  readonly settings?: Readonly<Record<string, string>>
  readonly needed?: readonly string[]
}

/** What is read for the bundle in the folder, and how it is judged. */
async function judge(db: Database, { url = db.url, settings = {}, needed }: Asking = {}) {
  let evidence: Evidence | undefined
  await call({ databaseUrl: url, migrationsDir: db.migrationsDir, settings }, async (run) => {
    const bundle = await openMigrationsOf(run)
    await withServer(run, requireAnswer, async (session) => {
      await shutDoor(session, 'upfront', { waitMs: 0, setting: '', emit: () => {}, signal: run.signal })
      evidence = await readEvidence(run, session, bundle, needed)
      await openDoor(session, 'upfront')
    })
  })
  return { evidence: evidence!, ...judgeEvidence(evidence!) } satisfies Judgement & { evidence: Evidence }
}

/** Holds a lease as a version with these files does. */
async function holdAs(db: Database, files: Record<string, string>, appVersion = '1.0.0') {
  const migrationsDir = join(db.dir, `of-${appVersion}`)
  writeFolder(migrationsDir, files)
  return hold({ databaseUrl: db.url, migrationsDir, settings: { appVersion } })
}

async function named(db: Database, application_name: string, url = db.url): Promise<pg.Client> {
  const client = await db.connect(url)
  await client.query(`select set_config('application_name', $1, false)`, [application_name])
  return client
}

const upWith = async (db: Database, files: Record<string, string>) => {
  db.files(files)
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
}

describe('leases', () => {
  test('an older version is named while it lives, and its end is the proof', async ({ db }) => {
    await upWith(db, first)
    const old = await holdAs(db, first, '1.4.1')
    await upWith(db, second)
    await using _ours = await holdAs(db, second, '1.4.2')
    const living = await judge(db)
    expect(living).toMatchObject({ safe: false, unproved: null })
    expect(living.living).toHaveLength(1)
    expect(living.living[0]).toMatch(/holds a lease for version "1\.4\.1", without 002_b, renewed \d/)
    await old.release()
    expect(await judge(db)).toMatchObject({ safe: true, living: [], unproved: null })
  })

  test('of this version alone they prove nothing: the one before may live without any', async ({ db }) => {
    await upWith(db, first)
    await upWith(db, second)
    expect((await judge(db)).unproved).toContain('nobody has ever held a lease here')
    await using _ours = await holdAs(db, second, '1.4.2')
    const { safe, living, unproved } = await judge(db)
    expect({ safe, living }).toEqual({ safe: false, living: [] })
    expect(unproved).toMatch(/^the version before this one, by which "test-host" migrated .* ago, never held a lease/)
  })

  test('of a version long ago they prove nothing of the one just before', async ({ db }) => {
    await upWith(db, first)
    await (await holdAs(db, first, '1.0.0')).release()
    await upWith(db, second)
    await upWith(db, third)
    expect(await judge(db, { needed: ['003_c'] })).toMatchObject({ safe: false, living: [] })
    // The version between has what is needed as soon as that is told by a lease of its own.
    await (await holdAs(db, second, '2.0.0')).release()
    expect(await judge(db, { needed: ['003_c'] })).toMatchObject({ safe: true })
  })

  test('a newer version, and one with another bundle that has all that is needed, are in nobody’s way', async ({
    db,
  }) => {
    await upWith(db, first)
    await (await holdAs(db, first)).release()
    await upWith(db, third)
    await using _newer = await holdAs(db, third, '3.0.0')
    await using _between = await holdAs(db, second, '2.0.0')
    db.files(second)
    expect(await judge(db)).toMatchObject({ safe: true, living: [] })
    db.files(third)
    expect((await judge(db, { needed: ['002_b'] })).living).toEqual([])
    expect((await judge(db, { needed: ['002_b', '003_c'] })).living).toHaveLength(1)
  })

  test('one that has skipped a migration is older although its last one is later', async ({ db }) => {
    await upWith(db, first)
    const late = { ...first, '003_c.sql': third['003_c.sql'] }
    await upWith(db, late)
    await using _old = await holdAs(db, late)
    db.files(third)
    await db.up(['--out-of-order', 'apply'])
    expect((await judge(db, { needed: ['002_b'] })).living).toHaveLength(1)
  })

  test('one that ran out is told of, and proves as much as one that was given back', async ({ db }) => {
    await upWith(db, first)
    const old = await holdAs(db, first, '1.4.1')
    await old.release()
    await upWith(db, second)
    await db.query(`update upfront.leases set released_at = null, renewed_at = now() - interval '6 min',
      expires_at = now() - interval '5 min'`)
    // The server of the tests has just begun, and for as long nobody could have renewed it.
    const isYoung = await db.query(`select from (select pg_postmaster_start_time() at) s where at > now() - interval '1 min'`) // prettier-ignore
    const found = await judge(db)
    if (isYoung.length > 0) expect(found).toMatchObject({ safe: false, living: [expect.stringContaining('1.4.1')] })
    await db.query(`update upfront.leases set renewed_at = expires_at`)
    const { safe, notes } = await judge(db)
    expect(safe).toBe(true)
    expect(notes.join()).toContain('was not given back: killed, or cut off from the database')
  })

  test('a grace period counts from the end of the last older lease, and from the last migration', async ({ db }) => {
    await upWith(db, first)
    await (await holdAs(db, first)).release()
    await upWith(db, second)
    const settings = { contractGrace: '1h' }
    const left = await judge(db, { settings })
    expect(left).toMatchObject({ safe: false, living: [], unproved: null })
    expect(left.graceLeftMs).toBeGreaterThan(3_590_000)
    await db.query(`update upfront.history set applied_at = now() - interval '2 h'`)
    expect((await judge(db, { settings })).graceLeftMs).toBeGreaterThan(3_590_000)
    await db.query(`update upfront.leases set expires_at = now() - interval '2 h'`)
    expect(await judge(db, { settings })).toMatchObject({ safe: true, graceLeftMs: 0 })
  })

  test('a database without the table has no evidence, and that is no error', async ({ db }) => {
    await upWith(db, first)
    await db.query('drop table upfront.leases')
    expect(await judge(db)).toMatchObject({ safe: false, evidence: { leases: [] } })
  })
})

describe('sessions', () => {
  const settings = { appPattern: 'shop/{version}', appVersion: '1.4.2' }

  test('an older one and one that cannot be compared live; equal and newer ones do not count', async ({ db }) => {
    await upWith(db, first)
    const names = ['shop/1.4.1', 'shop/1.4.2', 'shop/1.10.0', 'shop/main-4f2a', 'shop/', 'other/1.0.0', 'psql']
    const clients = await Promise.all(names.map((name) => named(db, name)))
    const found = await judge(db, { settings })
    expect(found.safe).toBe(false)
    expect(found.living).toEqual([
      'a session "shop/" of role "postgres", which cannot be compared with UPFRONT_APP_VERSION',
      'a session "shop/1.4.1" of role "postgres", older',
      'a session "shop/main-4f2a" of role "postgres", which cannot be compared with UPFRONT_APP_VERSION',
    ])
    for (const i of [0, 3, 4]) await clients[i]!.end()
    await db.query('select pg_sleep(0.2)')
    expect(await judge(db, { settings })).toMatchObject({ safe: true, living: [] })
  })

  test('are seen by a role that may not look at other sessions', async ({ db }) => {
    await upWith(db, first)
    const app = await db.role()
    const looker = await db.role()
    await db.query(`grant usage on schema upfront to ${looker.user};
      grant select on all tables in schema upfront to ${looker.user}`)
    await named(db, 'shop/1.4.1', db.urlOf(app))
    const state = await (await db.connect(db.urlOf(looker))).query(`select query from pg_stat_activity where application_name = 'shop/1.4.1'`) // prettier-ignore
    expect(state.rows).toEqual([{ query: '<insufficient privilege>' }])
    const { living } = await judge(db, { url: db.urlOf(looker), settings })
    expect(living).toEqual([`a session "shop/1.4.1" of role "${app.user}", older`])
  })

  test('none of them at all is no proof, because the pattern may be wrong', async ({ db }) => {
    await upWith(db, first)
    const { safe, unproved, notes } = await judge(db, { settings })
    expect(safe).toBe(false)
    expect(unproved).toContain('no session is called as UPFRONT_APP_PATTERN says, not even one of this version')
    expect(notes).toEqual(['no session is called as UPFRONT_APP_PATTERN says'])
  })

  test('of another database are not ours, nor are the program’s own', async ({ db }) => {
    await upWith(db, first)
    await named(db, 'shop/1.0.0', db.urlOf({ database: 'postgres' }))
    await named(db, 'shop/1.4.2')
    expect(
      await judge(db, { settings: { ...settings, appPattern: 'shop/{version},upfront/{version}' } }),
    ).toMatchObject({
      safe: true,
    })
  })

  test('whose name is cut off at 63 bytes count as living', async ({ db }) => {
    await upWith(db, first)
    await named(db, 'shop/1.4.2')
    await named(db, `shop/1.4.2${'0'.repeat(80)}`)
    const { living } = await judge(db, { settings })
    expect(living).toEqual([expect.stringContaining('cut off at 63 bytes')])
  })

  test('without a version of ours every one of them lives', async ({ db }) => {
    await upWith(db, first)
    await named(db, 'shop/1.4.2')
    const { living } = await judge(db, { settings: { appPattern: settings.appPattern } })
    expect(living).toEqual([expect.stringContaining('UPFRONT_APP_VERSION is not set')])
  })

  test('that are old count although the leases say that all is well', async ({ db }) => {
    await upWith(db, first)
    await (await holdAs(db, first)).release()
    await upWith(db, second)
    expect((await judge(db)).safe).toBe(true)
    await named(db, 'shop/1.4.1')
    expect((await judge(db, { settings })).safe).toBe(false)
  })
})

describe.skipIf(missing !== undefined)('behind a pooler', () => {
  test('sessions say nothing, and only leases count', async ({ db }) => {
    const settings = { appPattern: 'shop/{version}', appVersion: '1.4.2' }
    await upWith(db, first)
    const { hostname, port, username, password } = new URL(db.url)
    const server = { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
    await withPgBouncer('session', server, async (pooled) => {
      const url = db.urlOf({ port: pooled })
      await named(db, 'shop/1.4.1')
      const unproved = await judge(db, { url, settings })
      expect(unproved).toMatchObject({ safe: false, living: [], evidence: { pooled: true } })
      expect(unproved.unproved).toContain('behind a pooler sessions say nothing')
      const old = await holdAs(db, first, '1.4.1')
      db.files(second)
      await db.up()
      expect(await judge(db, { url, settings })).toMatchObject({ safe: false, living: [expect.stringContaining('lease')] }) // prettier-ignore
      await old.release()
      const after = await judge(db, { url, settings })
      expect(after.safe).toBe(true)
      expect(after.notes.join()).toContain('only leases count')
    })
  })
})
