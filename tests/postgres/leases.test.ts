import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { doorKey } from '../../src/run/contract/door.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'
import { type Database, test, until } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'
import { interruption } from '../support/run.ts'

const files = { '001_a.sql': 'create table a (id int)', '002_b.sql': 'create table b (id int)' }

interface Row extends Record<string, unknown> {
  readonly id: string
  readonly living: boolean
}

const leases = (db: Database) =>
  db.query<Row>(`select id, holder, version, migrations, last, names, bundle, released_at is not null as released,
    expires_at > clock_timestamp() as living, renewed_at > taken_at as renewed from upfront.leases order by taken_at`)

/** `wait --hold` in this process; resolves when it is held, with how to end it. */
async function hold(db: Database, env: Record<string, string> = {}) {
  const path = join(db.dir, `held-${Math.random()}`)
  const held = startHolding(db, path, env)
  await until(() => held.isOver() || existsSync(path), 'it is held')
  if (held.isOver()) expect.unreachable((await held.outcome).stderr)
  return held
}

function startHolding(db: Database, path: string, env: Record<string, string> = {}) {
  const stop = new AbortController()
  const args = ['wait', '--hold', '--ready-file', path]
  const outcome = db.run(args, { UPFRONT_LOG_FORMAT: 'json', ...env }, stop.signal)
  let over = false
  void outcome.then(() => (over = true))
  const end = () => (stop.abort(interruption('SIGTERM')), outcome)
  return { end, outcome, isOver: () => over, isReady: () => existsSync(path) }
}

/** A role with the rights that the README says a holder needs. */
async function holder(db: Database, grants = 'select, insert, update, delete') {
  const { user, password } = await db.role()
  await db.query(`grant usage on schema upfront to ${user}; grant select on upfront.history to ${user}`)
  if (grants !== '') await db.query(`grant ${grants} on upfront.leases to ${user}`)
  return { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
}

test('a lease says which version, who, and until when; SIGTERM gives it back and is a success', async ({ db }) => {
  db.files(files)
  await db.up()
  const held = await hold(db, { UPFRONT_APP_VERSION: '1.4.2' })
  expect(await leases(db)).toMatchObject([
    { holder: 'test-host', version: '1.4.2', migrations: 2, last: '002_b', names: ['001_a', '002_b'], living: true },
  ])
  const [run] = await db.query('select bundle from upfront.runs')
  expect((await leases(db))[0]!['bundle']).toBe(run!['bundle'])

  const { exitCode, stderr, events } = await held.end()

  expect(exitCode, stderr).toBe(0)
  expect(events.map(({ event }) => event).slice(-3)).toEqual(['held', 'interrupted', 'released'])
  expect(await leases(db)).toMatchObject([{ living: false, released: true }])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('nothing is held before the migrations are there', async ({ db }) => {
  db.files(files)
  await db.up()
  db.files({ ...files, '003_slow.sql': 'select pg_sleep(1.2)' })
  const migrating = db.up()
  const holding = hold(db)
  await sleep(700)
  expect(await leases(db)).toEqual([])
  expect((await migrating).exitCode).toBe(0)
  expect((await (await holding).end()).exitCode).toBe(0)
  expect(await leases(db)).toMatchObject([{ migrations: 3 }])
})

test('it is renewed for as long as it is held, without a connection in between', async ({ db }) => {
  db.files(files)
  await db.up()
  const held = await hold(db, { UPFRONT_LEASE_TTL: '1s' })
  let connections = 0
  for (let i = 0; i < 25; i += 1) {
    expect((await leases(db))[0]).toMatchObject({ living: true })
    const sessions = await db.query(`select from pg_stat_activity where application_name like 'upfront/%' and datname = '${db.name}'`) // prettier-ignore
    connections += sessions.length
    await sleep(100)
  }
  expect((await leases(db))[0]).toMatchObject({ renewed: true })
  expect(connections).toBeLessThan(13)
  expect((await held.end()).exitCode).toBe(0)
})

test('a killed holder leaves a lease that runs out', async ({ db }) => {
  db.files(files)
  await db.up()
  const child = db.spawn(['wait', '--hold'], { UPFRONT_LEASE_TTL: '1s' })
  await child.says(/^held /m)
  child.kill('SIGKILL')
  await child.ended
  expect(await leases(db)).toMatchObject([{ living: true }])
  await sleep(1_100)
  expect(await leases(db)).toMatchObject([{ living: false, released: false }])
})

test('the process itself ends with 0 on SIGTERM, and has given its lease back', async ({ db }) => {
  db.files(files)
  await db.up()
  const child = db.spawn(['wait', '--hold'])
  await child.says(/^held /m)
  child.kill('SIGTERM')
  const { exitCode, stderr } = await child.ended
  expect(exitCode, stderr).toBe(0)
  expect(await leases(db)).toMatchObject([{ living: false, released: true }])
})

test('a lost database does not end it: it says so once, and holds again when the database is back', async ({ db }) => {
  db.files(files)
  await db.up()
  let isDown = false
  await using proxy = await startProxy(() => (isDown ? 1 : Number(new URL(db.url).port)))
  const held = await hold(db, { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }), UPFRONT_LEASE_TTL: '1s' })
  isDown = true
  await until(async () => (await leases(db))[0]?.living === false, 'the lease has run out')
  await sleep(700)
  expect(held.isOver()).toBe(false)
  isDown = false
  // The row is there before the holder knows it.
  await until(() => held.isReady(), 'the lease is held again')
  expect(await leases(db)).toMatchObject([{ living: true }])
  const { exitCode, events, stderr } = await held.end()
  expect(exitCode, stderr).toBe(0)
  const said = events.flatMap(({ event }) => (/held|renewed|released|waiting/.test(event) ? event : []))
  expect(said).toEqual(['held', 'not_renewed', 'held', 'released'])
})

test('a lease that somebody has deleted is taken again', async ({ db }) => {
  db.files(files)
  await db.up()
  const held = await hold(db, { UPFRONT_LEASE_TTL: '1s' })
  await db.query('delete from upfront.leases')
  await until(async () => (await leases(db)).length === 1, 'it is there again')
  expect((await held.end()).exitCode).toBe(0)
})

test('a table that is dropped meanwhile does not end it either', async ({ db }) => {
  db.files(files)
  await db.up()
  const held = await hold(db, { UPFRONT_LEASE_TTL: '1s' })
  await db.query('alter table upfront.leases rename to aside')
  await sleep(1_500)
  expect(held.isOver()).toBe(false)
  await db.query('alter table upfront.aside rename to leases')
  await until(async () => (await leases(db))[0]?.living === true, 'it is held again')
  const { events } = await held.end()
  const [said] = events.filter(({ event }) => event === 'not_renewed')
  expect(said!['reason']).toContain('no table for leases')
})

describe('rights', () => {
  test('wait needs none on leases, hold those that the message says', async ({ db }) => {
    db.files(files)
    await db.up()
    const env = await holder(db, '')
    expect((await db.run(['wait'], env)).exitCode).toBe(0)
    const { exitCode, stderr } = await db.run(['wait', '--hold'], env)
    expect(exitCode).toBe(24)
    const [grant] = /grant usage on schema .*;/.exec(stderr)!
    expect(grant).toContain('grant select, insert, update, delete on "upfront".leases')
    await db.query(grant)
    const held = await hold(db, env)
    expect((await held.end()).exitCode).toBe(0)
  })

  test('no other than those on leases, USAGE and SELECT on the history is used', async ({ db }) => {
    db.files(files)
    await db.up()
    await db.query('revoke all on schema public from public')
    const held = await hold(db, { ...(await holder(db)), UPFRONT_LEASE_TTL: '1s' })
    await until(async () => (await leases(db))[0]?.['renewed'] === true, 'it was renewed')
    const { exitCode, events } = await held.end()
    expect(exitCode).toBe(0)
    expect(events.filter(({ level }) => level === 'warn').map(({ event }) => event)).toEqual(['interrupted'])
  })

  test('a right that is taken away while it holds is said and does not end it', async ({ db }) => {
    db.files(files)
    await db.up()
    const env = await holder(db)
    const held = await hold(db, { ...env, UPFRONT_LEASE_TTL: '1s' })
    const { username } = new URL(env.UPFRONT_DATABASE_URL)
    await db.query(`revoke update on upfront.leases from ${username}`)
    await sleep(1_000)
    expect(held.isOver()).toBe(false)
    const { exitCode, events } = await held.end()
    expect(exitCode).toBe(0)
    expect(events.map(({ event }) => event)).toContain('not_renewed')
  })

  test('as the role of UPFRONT_ROLE', async ({ db }) => {
    const owner = await db.role('nologin')
    const login = await db.role()
    await db.query(`grant ${owner.user} to ${login.user}; grant create on database ${db.name} to ${owner.user};
      grant create on schema public to ${owner.user}`)
    const env = { UPFRONT_DATABASE_URL: db.urlOf(login), UPFRONT_ROLE: owner.user }
    db.files(files)
    expect((await db.up([], env)).exitCode).toBe(0)
    const held = await hold(db, env)
    expect((await held.end()).exitCode).toBe(0)
    expect(await db.query(`select tableowner from pg_tables where tablename = 'leases'`)).toEqual([
      { tableowner: owner.user },
    ])
  })
})

describe('the table', () => {
  const older = 'drop table upfront.leases'

  test('is made by a run that applies something, beside tables of an earlier version', async ({ db }) => {
    db.files({ '001_a.sql': files['001_a.sql'] })
    await db.up()
    await db.query(older)
    db.files(files)
    expect((await db.up()).exitCode).toBe(0)
    expect(await leases(db)).toEqual([])
  })

  test('is made by a start with nothing to do', async ({ db }) => {
    db.files(files)
    await db.up()
    await db.query(older)
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await leases(db)).toEqual([])
    expect(await db.query('select from upfront.runs')).toHaveLength(1)
  })

  test('is not missed by a role that may not make it, nor while somebody has the lock', async ({ db }) => {
    db.files(files)
    await db.up()
    await db.query(older)
    const { user, password } = await db.role()
    await db.query(`grant usage on schema upfront to ${user}; grant select on all tables in schema upfront to ${user}`)
    expect((await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) })).exitCode).toBe(0)
    const other = await db.connect()
    await other.query(`select pg_advisory_lock(('x' || substr(encode(sha256('upfront:upfront'), 'hex'), 1, 16))::bit(64)::bigint)`) // prettier-ignore
    expect((await db.up()).exitCode).toBe(0)
    expect(await db.query(`select to_regclass('upfront.leases') as leases`)).toEqual([{ leases: null }])
  })

  test('is waited for by who wants to hold, and its absence is told in the end', async ({ db }) => {
    db.files(files)
    await db.up()
    await db.query(older)
    const { exitCode, stderr } = await db.run(['wait', '--hold'], { UPFRONT_WAIT_TIMEOUT: '500ms' })
    expect(exitCode).toBe(30)
    expect(stderr).toContain('there is no table for leases yet')
    const path = join(db.dir, 'held')
    const holding = startHolding(db, path)
    await sleep(300)
    await db.up()
    await until(() => existsSync(path), 'it is held')
    expect((await holding.end()).exitCode).toBe(0)
  })

  test('is no drift, in a schema of its own or in public', async ({ db }) => {
    db.files(files)
    for (const schema of ['upfront', 'public']) {
      const env = { UPFRONT_SCHEMA: schema, UPFRONT_VERIFY: 'fail', UPFRONT_SHADOW_DATABASE_URL: db.urlOf({ database: 'postgres' }) } // prettier-ignore
      if (schema === 'public') await db.query('drop schema upfront cascade; drop table a, b')
      await db.up([], { UPFRONT_SCHEMA: schema })
      const { exitCode, stdout, stderr } = await db.run(['verify'], env)
      expect(exitCode, stdout + stderr).toBe(0)
    }
  })

  test('is not taken for ours when it is of the application', async ({ db }) => {
    await db.query('create table public.leases (id int primary key, tenant text)')
    const env = { UPFRONT_SCHEMA: 'public', UPFRONT_CONTRACT: 'when-safe' }
    db.files(files)
    expect((await db.up([], env)).exitCode).toBe(0)
    const { exitCode, stderr } = await db.run(['wait', '--hold'], env)
    expect(exitCode, stderr).toBe(21)
    expect(stderr).toContain('the table "public".leases is not ours')
    db.files({ ...files, '003_c.sql': '-- upfront:contract\ndrop table b' })
    const later = await db.up([], env)
    expect(later.exitCode, later.stderr).toBe(0)
    expect(later.stderr).toContain('nobody has ever held a lease here')
  })

  test('has the times of the server, whatever the search_path finds first', async ({ db }) => {
    db.files(files)
    await db.up()
    await db.query(`create schema app; create function app.clock_timestamp() returns timestamptz language sql
        as $$ select timestamptz '2020-01-01' $$;
      alter database ${db.name} set search_path = app, pg_catalog, public`)
    const held = await hold(db)
    expect(await leases(db)).toMatchObject([{ living: true }])
    expect((await held.end()).exitCode).toBe(0)
  })

  test('keeps of each bundle the last lease that ended, and loses what ended before', async ({ db }) => {
    db.files(files)
    await db.up()
    await db.query(`insert into upfront.leases (id, holder, bundle, migrations, names, expires_at)
      select b || i::text, 'h', b, 0, '{}', now() - (i || ' days')::interval
      from unnest(array['x', 'y']) b, generate_series(0, 5) i`)
    const held = await hold(db)
    await until(async () => (await leases(db)).length < 8, 'they are gone')
    await held.end()
    const left = await db.query(`select id from upfront.leases where holder = 'h' order by 1`)
    expect(left.map(({ id }) => id)).toEqual(['x0', 'y0'])
  })
})

describe('the file for probes', () => {
  test('is there while the lease is held, and not before or after', async ({ db }) => {
    db.files(files)
    await db.up()
    const path = join(db.dir, 'held')
    writeFileSync(path, 'of a container that was killed')
    db.files({ ...files, '003_c.sql': 'create table c (id int)' })
    const holding = startHolding(db, path)
    await sleep(300)
    expect(existsSync(path)).toBe(false)
    await db.up()
    await until(() => existsSync(path), 'the file is there')
    expect(readFileSync(path, 'utf8').trim()).toBe((await leases(db))[0]!.id)
    expect((await holding.end()).exitCode).toBe(0)
    expect(existsSync(path)).toBe(false)
  })

  test('goes when the lease has run out, and comes back with it, but not where somebody has contracted', async ({
    db,
  }) => {
    db.files(files)
    await db.up()
    let isDown = false
    await using proxy = await startProxy(() => (isDown ? 1 : Number(new URL(db.url).port)))
    const path = join(db.dir, 'held')
    const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }), UPFRONT_LEASE_TTL: '1s' }
    const holding = startHolding(db, path, env)
    await until(() => existsSync(path), 'it is held')
    isDown = true
    await until(() => !existsSync(path), 'the file is gone')
    isDown = false
    await until(() => existsSync(path), 'it is held again')
    expect(await leases(db)).toMatchObject([{ living: true }])
    isDown = true
    await until(() => !existsSync(path), 'the file is gone')
    await db.query(`update upfront.history set checksum = 'v1:sha256:other' where name = '002_b'`)
    isDown = false
    await until(async () => (await leases(db))[0]?.living === true, 'the lease is there again')
    await sleep(1_500)
    expect(existsSync(path)).toBe(false)
    const { exitCode, stderr } = await holding.end()
    expect(exitCode).toBe(0)
    expect(stderr).toContain('the lease had run out, and meanwhile: ')
  })

  test('is gone before the lease is given back', async ({ db }) => {
    db.files(files)
    await db.up()
    const path = join(db.dir, 'held')
    const holding = startHolding(db, path)
    await until(() => existsSync(path), 'it is held')
    const blocker = await db.connect()
    await blocker.query('begin; select from upfront.leases for update')
    const ended = holding.end()
    await sleep(500)
    expect(await leases(db)).toMatchObject([{ released: false }])
    expect(existsSync(path)).toBe(false)
    await blocker.query('rollback')
    expect((await ended).exitCode).toBe(0)
  })

  test('that cannot be written is a mistake, which is told at once', async ({ db }) => {
    db.files(files)
    const begun = performance.now()
    const { exitCode, stderr } = await db.run(['wait', '--hold', '--ready-file', join(db.dir, 'no/such/folder')])
    expect(exitCode, stderr).toBe(2)
    expect(performance.now() - begun).toBeLessThan(3_000)
  })

  test('that cannot be written leaves no lease', async ({ db }) => {
    db.files(files)
    await db.up()
    mkdirSync(join(db.dir, 'run'))
    const path = join(db.dir, 'run/held')
    await (await db.connect()).query(`select pg_advisory_lock(${doorKey('upfront')})`)
    const held = startHolding(db, path)
    await until(async () => (await leases(db)).length > 0, 'the lease is there')
    rmdirSync(join(db.dir, 'run'))
    await db.query(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())`)
    const { exitCode, stderr } = await held.outcome
    expect(exitCode, stderr).toBe(2)
    expect((await leases(db)).filter(({ living }) => living)).toEqual([])
    expect((await db.run(['wait', '--ready-file', 'x'])).exitCode).toBe(2)
  })
})

describe('the door', () => {
  test('keeps who comes while somebody contracts, until what they have done is seen', async ({ db }) => {
    db.files(files)
    await db.up()
    const contracting = await db.connect()
    await contracting.query(`select pg_advisory_lock(${doorKey('upfront')})`)
    const path = join(db.dir, 'held')
    const held = startHolding(db, path)
    await until(async () => (await leases(db)).length > 0, 'the lease is there')
    await sleep(500)
    // The lease is there for whoever looks, and nobody starts behind it.
    expect(await leases(db)).toMatchObject([{ living: true }])
    expect(existsSync(path)).toBe(false)
    await contracting.query(`update upfront.history set checksum = 'v1:sha256:other' where name = '002_b'`)
    await contracting.query(`select pg_advisory_unlock(${doorKey('upfront')})`)
    const { exitCode } = await held.outcome
    expect(exitCode).toBe(21)
    expect(existsSync(path)).toBe(false)
    expect(await leases(db)).toMatchObject([{ living: false, released: true }])
  })

  test('says who has shut it, and for no longer than the wait', async ({ db }) => {
    db.files(files)
    await db.up()
    const contracting = await db.connect()
    await contracting.query(`set application_name = 'upfront/1 job'`)
    await contracting.query(`select pg_advisory_lock(${doorKey('upfront')})`)
    const held = await db.run(['wait', '--hold'], { UPFRONT_WAIT_TIMEOUT: '2s', UPFRONT_LOG_FORMAT: 'json' })
    expect(held.exitCode, held.stderr).toBe(31)
    expect(held.events.find(({ event }) => event === 'lock_waiting')?.['holder']).toContain('upfront/1 job (pid')
    expect(held.events.at(-1)).toMatchObject({ reason: expect.stringContaining('upfront/1 job (pid') })
    expect(await leases(db)).toMatchObject([{ living: false, released: true }])
    const late = { '003_c.sql': '-- upfront:contract\ncreate table c (id int)' }
    db.files({ ...files, ...late })
    const job = await db.run(['contract', '--without-evidence'], {
      UPFRONT_LOCK_WAIT: '2s',
      UPFRONT_LOG_FORMAT: 'json',
    })
    expect(job.exitCode, job.stderr).toBe(31)
    expect(job.events.find(({ event }) => event === 'lock_waiting')?.['holder']).toContain('upfront/1 job (pid')
    expect(job.stderr).toContain('UPFRONT_LOCK_WAIT')
    expect(await db.history()).toHaveLength(2)
  })

  test('keeps the lease of who waits there alive', async ({ db }) => {
    db.files(files)
    await db.up()
    const contracting = await db.connect()
    await contracting.query(`select pg_advisory_lock(${doorKey('upfront')})`)
    const path = join(db.dir, 'held')
    const held = startHolding(db, path, { UPFRONT_LEASE_TTL: '1s' })
    await until(async () => (await leases(db)).length > 0, 'the lease is there')
    for (let i = 0; i < 20; i += 1) {
      expect(await leases(db)).toMatchObject([{ living: true }])
      await sleep(100)
    }
    expect(existsSync(path)).toBe(false)
    await contracting.end()
    await until(() => existsSync(path), 'it is held')
    expect((await held.end()).exitCode).toBe(0)
  })

  test('and the look behind it come again for a process that stood still until its lease had run out', async ({
    db,
  }) => {
    db.files(files)
    await db.up()
    const child = db.spawn(['wait', '--hold'], { UPFRONT_LEASE_TTL: '1s' })
    await child.says(/^held /m)
    child.kill('SIGSTOP')
    await until(async () => (await leases(db))[0]?.living === false, 'the lease has run out')
    const contracting = await db.connect()
    await contracting.query(`select pg_advisory_lock(${doorKey('upfront')})`)
    child.kill('SIGCONT')
    await until(async () => (await leases(db))[0]?.living === true, 'the lease is taken again')
    await sleep(300)
    expect(child.stderr()).not.toContain('had run out')
    await contracting.query(`update upfront.history set checksum = 'v1:sha256:other' where name = '002_b'`)
    await contracting.end()
    await child.says('warning        the lease had run out, and meanwhile: ')
    child.kill('SIGTERM')
    expect((await child.ended).exitCode).toBe(0)
  })

  test('and the look come again for one whose renewal was not to be seen before the lease had run out', async ({
    db,
  }) => {
    db.files(files)
    await db.up()
    const held = await hold(db, { UPFRONT_LEASE_TTL: '3s' })
    const blocker = await db.connect()
    // As if those before had failed; it renews within a second, and is kept from its end by a lock on the row.
    await blocker.query(`update upfront.leases set expires_at = clock_timestamp() + interval '1.6 s'`)
    await blocker.query(`begin; select from upfront.leases for update`)
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await until(async () => (await db.query(waiting)).length > 0, 'it renews')
    expect(await leases(db)).toMatchObject([{ living: true }])
    await until(async () => (await leases(db))[0]?.living === false, 'nobody sees it')
    await db.query(`update upfront.history set checksum = 'v1:sha256:other' where name = '002_b'`)
    await blocker.query('rollback')
    await until(async () => (await leases(db))[0]?.living === true, 'it is renewed')
    await sleep(500)
    expect((await held.end()).stderr).toContain('the lease had run out, and meanwhile: ')
  })

  test('is not shut by a migration that takes long', async ({ db }) => {
    db.files(files)
    await db.up()
    const other = await db.connect()
    await other.query(`select pg_advisory_lock(('x' || substr(encode(sha256('upfront:upfront'), 'hex'), 1, 16))::bit(64)::bigint)`) // prettier-ignore
    expect((await (await hold(db)).end()).exitCode).toBe(0)
  })
})

test.skipIf(missing !== undefined)('through a pooler in transaction mode it holds all the same', async ({ db }) => {
  db.files(files)
  await db.up()
  const { hostname, port, username, password } = new URL(db.url)
  const server = { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
  await withPgBouncer('transaction', server, async (pooled) => {
    const held = await hold(db, { UPFRONT_DATABASE_URL: db.urlOf({ port: pooled }), UPFRONT_LEASE_TTL: '1s' })
    await until(async () => (await leases(db))[0]?.['renewed'] === true, 'it was renewed')
    const { exitCode, stderr } = await held.end()
    expect(exitCode, stderr).toBe(0)
    expect(await leases(db)).toMatchObject([{ released: true }])
    expect(await db.leftovers()).toMatchObject({ locks: 0 })
  })
})

test('a table that somebody has locked is waited for, and does not end who holds', async ({ db }) => {
  db.files(files)
  await db.up()
  const other = await db.connect()
  await other.query('begin; lock table upfront.leases')
  const holding = hold(db, { UPFRONT_LOCK_TIMEOUT: '200ms', UPFRONT_LEASE_TTL: '1s' })
  await sleep(800)
  await other.query('commit')
  const held = await holding
  await other.query('begin; lock table upfront.leases')
  await sleep(1_200)
  expect(held.isOver()).toBe(false)
  await other.query('commit')
  await until(async () => (await leases(db))[0]?.living === true, 'it is held again')
  const { exitCode, events } = await held.end()
  expect(exitCode).toBe(0)
  expect(events.filter(({ event }) => event === 'not_renewed')).toHaveLength(1)
})

test('a database that takes no writes for a while, as one that was demoted, does not end it', async ({ db }) => {
  db.files(files)
  await db.up()
  const env = await holder(db)
  const { username } = new URL(env.UPFRONT_DATABASE_URL)
  const held = await hold(db, { ...env, UPFRONT_LEASE_TTL: '1s' })
  await db.query(`alter role ${username} set default_transaction_read_only = on`)
  await sleep(1_300)
  expect(held.isOver()).toBe(false)
  await db.query(`alter role ${username} reset default_transaction_read_only`)
  await until(async () => (await leases(db))[0]?.living === true, 'it is held again')
  expect((await held.end()).exitCode).toBe(0)
})

test('forty at once hold, each its own, while what ended long ago is cleared away', async ({ db }) => {
  db.files(files)
  await db.up()
  await db.query(`insert into upfront.leases (id, holder, bundle, migrations, names, expires_at)
    select i::text, 'h', 'x', 0, '{}', now() - (1 + i || ' days')::interval from generate_series(1, 500) i`)
  const all = await Promise.all(Array.from({ length: 40 }, () => hold(db)))
  expect((await leases(db)).filter(({ living }) => living)).toHaveLength(40)
  const ends = await Promise.all(all.map((held) => held.end()))
  expect(ends.map(({ exitCode }) => exitCode)).toEqual(Array(40).fill(0))
  expect(ends.flatMap(({ events }) => events).filter(({ event }) => event === 'warning')).toEqual([])
  expect((await leases(db)).filter(({ holder: who }) => who === 'h')).toHaveLength(1)
})

test('a deadline is for the way to the lease, not for holding it', async ({ db }) => {
  db.files(files)
  await db.up()
  const held = await hold(db, { UPFRONT_DEADLINE: '800ms', UPFRONT_LEASE_TTL: '1s' })
  await sleep(1_500)
  expect(held.isOver()).toBe(false)
  expect(await leases(db)).toMatchObject([{ living: true }])
  expect((await held.end()).exitCode).toBe(0)
})

test('stopped before it is held, it is interrupted, and leaves no lease', async ({ db }) => {
  db.files(files)
  await db.up()
  await (await db.connect()).query(`select pg_advisory_lock(${doorKey('upfront')})`)
  const held = startHolding(db, join(db.dir, 'held'))
  await until(async () => (await leases(db)).length > 0, 'the lease is there')
  expect((await held.end()).exitCode).toBe(143)
  expect(await leases(db)).toMatchObject([{ living: false, released: true }])
})

test('odd names come back as they are: quotes, other scripts, backslashes', async ({ db }) => {
  const odd = { "001_it's.sql": 'select 1', '002_Größe_表.sql': 'select 1', '003_"q".sql': 'select 1' }
  db.files(odd)
  const made = await db.up()
  expect(made.exitCode, made.stderr).toBe(0)
  const held = await hold(db, { UPFRONT_APP_VERSION: `1'); drop table a; -- \\ "é"` })
  expect((await leases(db))[0]).toMatchObject({
    version: `1'); drop table a; -- \\ "é"`,
    names: Object.keys(odd).map((name) => name.replace('.sql', '')),
  })
  await held.end()
})
