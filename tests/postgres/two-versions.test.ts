// Two versions of an application on one database: what the older one uses stays while it lives.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { doorKey } from '../../src/run/contract/door.ts'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'
import { type Database, test, until, writeFolder } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { type Outcome, interruption } from '../support/run.ts'

const old = { '001_people.sql': 'create table people (id int, name text)' }
const next = {
  ...old,
  '002_full_name.sql': 'alter table people add full_name text',
  '003_drop_name.sql': '-- upfront:contract\nalter table people drop column name',
}

/** As long as it takes where the table is in use. */
const slowly = `-- upfront:contract\nselect pg_sleep(0.15);\nalter table people drop column name`

/** The two images, by their migrations; each with its version. */
function images(db: Database) {
  const dirs = { old: join(db.dir, 'old'), next: join(db.dir, 'next') }
  writeFolder(dirs.old, old)
  writeFolder(dirs.next, next)
  const env = (which: 'old' | 'next') => ({
    UPFRONT_MIGRATIONS_DIR: dirs[which],
    UPFRONT_APP_VERSION: which === 'old' ? '1.4.1' : '1.4.2',
  })
  return { old: env('old'), next: env('next') }
}

async function hold(db: Database, env: Record<string, string>) {
  const path = join(db.dir, `held-${Math.random()}`)
  const stop = new AbortController()
  let outcome: Outcome | undefined
  const over = db.run(['wait', '--hold', '--ready-file', path], env, stop.signal).then((it) => (outcome = it))
  await until(() => outcome !== undefined || existsSync(path), 'it is held or refused')
  return {
    isHeld: () => outcome === undefined && existsSync(path),
    refused: () => outcome,
    end: () => (stop.abort(interruption('SIGTERM')), over),
  }
}

const columns = async (db: Database) =>
  (await db.query(`select attname from pg_attribute where attrelid = 'people'::regclass and attnum > 0 and not attisdropped`)).map(({ attname }) => attname) // prettier-ignore

const ok = ({ exitCode, stderr }: Outcome) => expect(exitCode, stderr).toBe(0)

describe('with leases', () => {
  test('the DROP waits for the last old pod, and then no old one comes back', async ({ db }) => {
    const image = images(db)
    ok(await db.run(['up'], image.old))
    const pods = [await hold(db, image.old), await hold(db, image.old)]
    const up = await db.run(['up'], image.next)
    ok(up)
    expect(up.stderr).toContain('003_drop_name')
    const ours = await hold(db, image.next)
    expect(await columns(db)).toEqual(['id', 'name', 'full_name'])

    for (const pod of pods) {
      const refused = await db.run(['contract'], image.next)
      expect(refused.exitCode).toBe(34)
      expect(refused.stderr).toContain('"test-host" holds a lease for version "1.4.1", without 003_drop_name')
      const whenSafe = await db.run(['up'], { ...image.next, UPFRONT_CONTRACT: 'when-safe' })
      ok(whenSafe)
      expect(await columns(db)).toContain('name')
      ok(await pod.end())
    }
    ok(await db.run(['contract'], image.next))
    expect(await columns(db)).toEqual(['id', 'full_name'])
    expect(ours.isHeld()).toBe(true)

    for (const args of [['up'], ['wait'], ['wait', '--hold']]) {
      const { exitCode, stderr } = await db.run(args, image.old)
      expect(exitCode, args.join(' ')).toBe(21)
      expect(stderr).toContain('003_drop_name')
    }
    ok(await ours.end())
    ok(await db.run(['contract'], image.next))
  })

  test('a database whose seeds have failed is no new one: the gate lets old pods in', async ({ db }) => {
    const image = images(db)
    db.seeds({ '001_none.sql': 'insert into none values (1)' })
    expect((await db.run(['up'], { ...image.old, UPFRONT_SEED: 'dev' })).exitCode).toBe(26)
    ok(await db.run(['up'], image.next))
    expect(await columns(db)).toContain('name')
  })

  test('nor is one in which an old pod holds a lease, whatever the runs say', async ({ db }) => {
    const image = images(db)
    ok(await db.run(['up'], image.old))
    await db.query(`update upfront.runs set outcome = null, finished_at = null`)
    const pod = await hold(db, image.old)
    ok(await db.run(['up'], image.next))
    expect(await columns(db)).toContain('name')
    ok(await pod.end())
  })

  test('the door is shut as well in a new database: an old pod comes before its first run has ended', async ({
    db,
  }) => {
    const image = images(db)
    writeFolder(image.next.UPFRONT_MIGRATIONS_DIR, {
      ...next,
      '002_full_name.sql': 'alter table people add full_name text; select pg_sleep(1)',
      '003_drop_name.sql': slowly,
    })
    const up = db.run(['up'], image.next)
    await until(async () => (await db.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length > 0, 'it applies') // prettier-ignore
    const pod = await hold(db, image.old)
    ok(await up)
    expect(await columns(db)).not.toContain('name')
    expect(pod.refused()?.exitCode).toBe(21)
  })

  test('a later run applies it when it is safe', async ({ db }) => {
    const image = images(db)
    ok(await db.run(['up'], image.old))
    const pod = await hold(db, image.old)
    ok(await db.run(['up'], image.next))
    ok(await pod.end())
    const whenSafe = { ...image.next, UPFRONT_CONTRACT: 'when-safe' }
    ok(await db.run(['up'], whenSafe))
    expect(await columns(db)).toEqual(['id', 'full_name'])
  })

  test('what may be applied since the first look is not said to be', async ({ db }) => {
    const image = images(db)
    ok(await db.run(['up'], image.old))
    const pod = await hold(db, image.old)
    ok(await db.run(['up'], image.next))
    // Another bundle with the same contract migration, so that there is a run to be recorded and nothing to apply.
    writeFolder(image.next.UPFRONT_MIGRATIONS_DIR, { ...next, '002_full_name.verify.sql': 'select true' })
    await using proxy = await startProxy(Number(new URL(db.url).port), async ({ text }) => {
      if (text.includes('pg_try_advisory_lock')) ok(await pod.end())
      return 'forward' as const
    })
    const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }), UPFRONT_CONTRACT: 'when-safe' }
    const { exitCode, stderr } = await db.run(['up'], { ...image.next, ...env })
    expect(exitCode, stderr).toBe(0)
    expect(await columns(db)).toContain('name')
    expect(stderr).toMatch(/^deferred +003_drop_name/m)
  })

  test('the door is shut as well for one that was taken back while its run waited for the lock', async ({ db }) => {
    const image = images(db)
    ok(await db.run(['up'], image.next))
    const other = await db.connect()
    await other.query(`select pg_advisory_lock(${lockKey('upfront')})`)
    writeFolder(image.next.UPFRONT_MIGRATIONS_DIR, { ...next, '004_slow.sql': 'select pg_sleep(2)' })
    const contracting = db.run(['contract', '--without-evidence'], image.next)
    await sleep(1_000)
    await other.query(`delete from upfront.history where name = '003_drop_name'; alter table people add name text`)
    await other.query(`select pg_advisory_unlock_all()`)
    await until(async () => (await db.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length > 0, 'it applies') // prettier-ignore
    const door = `select from pg_locks where locktype = 'advisory' and granted and (classid::bigint << 32 | objid::bigint) = ${doorKey('upfront')}`
    expect(await db.query(door)).toHaveLength(1)
    ok(await contracting)
    expect(await columns(db)).not.toContain('name')
  })

  test('without any, it is refused, and what is seen counts even when somebody insists', async ({ db }) => {
    const image = images(db)
    ok(await db.run(['up'], image.old))
    ok(await db.run(['up'], image.next))
    const refused = await db.run(['contract'], image.next)
    expect(refused.exitCode).toBe(28)
    expect(refused.stderr).toContain('--without-evidence')
    const pod = await hold(db, image.old)
    expect((await db.run(['contract', '--without-evidence'], image.next)).exitCode).toBe(34)
    await pod.end()
    ok(await db.run(['contract', '--without-evidence'], image.next))
    expect(await columns(db)).not.toContain('name')
  })

  test('an old pod is refused as soon as one outside a transaction has begun', async ({ db }) => {
    const image = images(db)
    const outside = `-- upfront:contract\n-- upfront:no-transaction\nalter table people drop column name;\nselect pg_sleep(20);`
    ok(await db.run(['up'], image.old))
    writeFolder(image.next.UPFRONT_MIGRATIONS_DIR, { ...next, '003_drop_name.sql': outside })
    ok(await db.run(['up'], image.next))
    const child = db.spawn(['contract', '--without-evidence'], image.next)
    await until(async () => !(await columns(db)).includes('name'), 'the column is gone')
    child.kill('SIGKILL')
    await child.ended
    await db.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()`) // prettier-ignore
    const { exitCode, stderr } = await db.run(['wait'], image.old)
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('003_drop_name took away what it may use')
  })

  test('an old pod that comes while somebody contracts either holds, or is refused: never neither', async ({ db }) => {
    const image = images(db)
    const seen = { held: 0, refused: 0 }
    for (let i = 0; i < 16; i += 1) {
      await db.query('drop schema if exists upfront cascade; drop table if exists people')
      writeFolder(image.next.UPFRONT_MIGRATIONS_DIR, { ...next, '003_drop_name.sql': slowly })
      ok(await db.run(['up'], image.old))
      await (await hold(db, image.old)).end()
      ok(await db.run(['up'], image.next))
      // The first pod comes long before, the last one long after, the others about when it contracts.
      const contracting = sleep(i === 0 ? 1_500 : i * 8).then(() => db.run(['contract'], image.next))
      if (i === 15) await contracting
      const pod = await hold(db, image.old)
      const { exitCode, stderr } = await contracting
      const dropped = !(await columns(db)).includes('name')
      expect(exitCode, stderr).toBe(dropped ? 0 : 34)
      // Whoever is told that it holds has the column.
      expect({ i, held: pod.isHeld(), dropped }).toEqual({ i, held: !dropped, dropped })
      if (dropped) expect(pod.refused()!.exitCode).toBe(21)
      seen[dropped ? 'refused' : 'held'] += 1
      if (!dropped) ok(await pod.end())
    }
    expect(seen.held).toBeGreaterThan(0)
    expect(seen.refused).toBeGreaterThan(0)
  })
})

describe('with versioned application names', () => {
  test('the DROP waits for the last old session', async ({ db }) => {
    const image = images(db)
    ok(await db.run(['up'], image.old))
    const session = await db.connect()
    await session.query(`set application_name = 'shop/1.4.1'`)
    const ours = await db.connect()
    await ours.query(`set application_name = 'shop/1.4.2'`)
    const env = { ...image.next, UPFRONT_APP_PATTERN: 'shop/{version}' }
    ok(await db.run(['up'], env))
    const refused = await db.run(['contract'], env)
    expect(refused.exitCode).toBe(34)
    expect(refused.stderr).toContain('a session "shop/1.4.1" of role "postgres", older')
    await session.end()
    await sleep(200)
    ok(await db.run(['contract'], env))
    expect(await columns(db)).not.toContain('name')
  })
})

describe.skipIf(missing !== undefined)('through PgBouncer', () => {
  test('old pods hold by a pooler in transaction mode, and the one that contracts by one in session mode', async ({
    db,
  }) => {
    const image = images(db)
    const { hostname, port, username, password } = new URL(db.url)
    const server = { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
    await withPgBouncer('transaction', server, async (transaction) => {
      await withPgBouncer('session', server, async (session) => {
        const ofApp = { UPFRONT_DATABASE_URL: db.urlOf({ port: transaction }) }
        const ofJob = { UPFRONT_DATABASE_URL: db.urlOf({ port: session }), UPFRONT_APP_PATTERN: 'shop/{version}' }
        ok(await db.run(['up'], { ...image.old, ...ofJob }))
        const pod = await hold(db, { ...image.old, ...ofApp })
        expect(pod.isHeld()).toBe(true)
        ok(await db.run(['up'], { ...image.next, ...ofJob }))
        const refused = await db.run(['contract'], { ...image.next, ...ofJob })
        expect(refused.exitCode, refused.stderr).toBe(34)
        expect(refused.stderr).toContain('only leases count')
        ok(await pod.end())
        ok(await db.run(['contract'], { ...image.next, ...ofJob }))
        expect(await columns(db)).not.toContain('name')
        const late = await hold(db, { ...image.old, ...ofApp })
        expect(late.refused()?.exitCode).toBe(21)
      })
    })
  })
})
