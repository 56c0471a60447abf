// What a pooler's shared server processes keep of a run: nothing.
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'

const serverOf = (db: Database) => {
  const { hostname, port, username, password } = new URL(db.url)
  return { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
}

/** An owner of everything who is no superuser, as an application is. */
async function owner(db: Database) {
  const role = await db.role()
  await db.query(`alter database ${db.name} owner to ${role.user}; grant all on schema public to ${role.user}`)
  return { ...serverOf(db), ...role }
}

const files = { '001_a.sql': 'create table a (id int)' }

/** What the application finds on each of the pooler's server processes afterwards; clients name themselves anyway. */
async function leftBehind(db: Database, url: string) {
  const found: unknown[] = []
  const apps = await Promise.all([db.connect(url), db.connect(url)])
  const look = async (app: (typeof apps)[number]) => {
    // It sleeps first, so that the other client comes to another process.
    const { rows } = await app.query(`
      with slept as materialized (select pg_sleep(0.1))
      select name from slept, pg_settings where source = 'session' and name not in ('application_name', 'client_encoding')
      union all select locktype from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())
      union all select name from pg_prepared_statements
      union all select nspname from pg_namespace where oid = pg_my_temp_schema()`)
    found.push(...rows)
  }
  await Promise.all(apps.map(look))
  for (const app of apps) await app.end()
  return found
}

const commands = [
  [['up'], 25],
  [['baseline'], 25],
  [['down'], 25],
  [['redo'], 25],
  [['seed', '--seed', 'demo'], 25],
  [['status'], 0],
  [['plan'], 0],
  [['wait'], 34],
] as const

describe.skipIf(missing !== undefined)('a pooler that shares its server processes', () => {
  for (const mode of ['transaction', 'statement'] as const)
    for (const who of ['superuser', 'owner'] as const)
      test.for(commands)(
        `is recognised before anything is touched: %s through ${mode} pooling as ${who}`,
        async ([args, exit], { db }) => {
          const server = who === 'owner' ? await owner(db) : serverOf(db)
          db.files(files)
          db.seeds({ '010_seed.sql': 'insert into a values (1)' })
          await withPgBouncer(mode, server, async (port) => {
            const url = db.urlOf({ ...server, port })
            const { exitCode, stderr } = await db.run(args, { UPFRONT_DATABASE_URL: url, UPFRONT_WAIT_TIMEOUT: '1s' })
            expect(exitCode, stderr).toBe(exit)
            if (exit === 25) expect(stderr).toContain(`a connection pooler in ${mode} mode`)
            expect(await leftBehind(db, url)).toEqual([])
            expect(await db.leftovers()).toMatchObject({ locks: 0 })
          })
          expect(await db.history()).toBeNull()
        },
      )

  test('lets a start with nothing to do, and who only reads, through: each with one question', async ({ db }) => {
    db.files(files)
    expect((await db.up()).exitCode).toBe(0)
    await withPgBouncer('transaction', serverOf(db), async (port) => {
      const url = db.urlOf({ port })
      for (const command of ['up', 'status', 'plan', 'wait']) {
        const { exitCode, stdout, stderr } = await db.run([command], { UPFRONT_DATABASE_URL: url })
        expect(exitCode, stderr).toBe(0)
        if (command === 'status') expect(stdout).toContain('1 applied')
        expect(await leftBehind(db, url)).toEqual([])
      }
    })
  })
})

describe.skipIf(missing !== undefined)('a pooler in session mode', () => {
  test('with one server connection, which ours has: that is proof enough, and everything is applied', async ({
    db,
  }) => {
    db.files(files)
    await withPgBouncer(
      'session',
      serverOf(db),
      async (port) => {
        const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf({ port }) })
        expect(exitCode, stderr).toBe(0)
      },
      { default_pool_size: '1' },
    )
    expect(await db.tables()).toEqual(['public.a'])
  })

  test('that takes no second client: not ready within the wait, and nothing is changed', async ({ db }) => {
    db.files(files)
    await withPgBouncer(
      'session',
      serverOf(db),
      async (port) => {
        const begun = performance.now()
        const env = { UPFRONT_DATABASE_URL: db.urlOf({ port }), UPFRONT_WAIT_TIMEOUT: '2s' }
        const { exitCode, stderr } = await db.up([], env)
        expect(exitCode, stderr).toBe(30)
        expect(stderr).toContain('no more connections allowed')
        expect(stderr).toMatch(/next: Connect to the server itself/)
        expect(performance.now() - begun).toBeLessThan(5_000)
      },
      { max_client_conn: '1' },
    )
    expect(await db.history()).toBeNull()
  })
})
