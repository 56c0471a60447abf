// Where credentials come from, and that they are read again when they may have changed.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Database, test, until } from '../support/database.ts'

const files = { '001_schema.sql': 'create schema app' }

/** A role that may migrate; `change` gives it another password. */
async function migrator(db: Database) {
  const role = await db.role()
  await db.query(`grant create on database ${db.name} to ${role.user}`)
  const change = (password: string) => db.query(`alter role ${role.user} password '${password}'`)
  return { ...role, change }
}

/** Replaces a file as Kubernetes and Vault do: at once. */
function replace(path: string, text: string, mode = 0o600) {
  fs.writeFileSync(`${path}.new`, text, { mode })
  fs.renameSync(`${path}.new`, path)
}

const ways: readonly [string, (db: Database, path: string, user: string) => Record<string, string>, boolean][] = [
  ['DATABASE_URL_FILE', (_, path) => ({ DATABASE_URL_FILE: path }), true],
  [
    'PGPASSWORD_FILE',
    (db, path, user) => ({
      DATABASE_URL: db.urlOf({}).replace(/\/\/[^@]*@/, '//'),
      PGUSER: user,
      PGPASSWORD_FILE: path,
    }),
    false,
  ],
]

test.for(ways)(
  'a password in %s that changes in a long run is the new one at the next connection',
  async ([, env, isUrl], { db }) => {
    const role = await migrator(db)
    const path = join(db.dir, 'credential')
    const text = (password: string) => (isUrl ? db.urlOf({ user: role.user, password }) : password)
    fs.writeFileSync(path, text(role.password))
    const go = join(db.dir, 'go')
    db.files({
      ...files,
      '002_wait.mjs': `import { existsSync } from 'node:fs'
      export async function up(client) {
        while (!existsSync(${JSON.stringify(go)})) await client.query('select pg_sleep(0.05)')
        await client.query('create table app.late (id int)')
      }`,
    })
    const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: undefined, ...env(db, path, role.user) })
    await running.says('001_schema')
    const asleep = `select from pg_stat_activity where datname = '${db.name}' and query ~ '^select pg_sleep'`
    await until(async () => (await db.query(asleep)).length > 0, 'it works')

    await role.change('s3cond-secret')
    replace(path, text('s3cond-secret'))
    await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'upfront/%' and datname = '${db.name}'`,
    )

    await running.says('disconnected')
    fs.writeFileSync(go, '')
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(0)
    expect(stderr).not.toContain('s3cond')
  },
)

async function sessions(db: Database) {
  return db.query(`select pid from pg_stat_activity where application_name like 'upfront/%' and datname = '${db.name}'`)
}

test(
  'who watches a long statement comes with the password that the file has then',
  { timeout: 30_000 },
  async ({ db }) => {
    const role = await migrator(db)
    const path = join(db.dir, 'url')
    fs.writeFileSync(path, db.urlOf(role))
    db.files({ '001_slow.sql': 'select pg_sleep(6)' })
    const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: undefined, DATABASE_URL_FILE: path })
    await until(async () => (await sessions(db)).length > 0, 'it works')
    await role.change('s3cond-secret')
    replace(path, db.urlOf({ user: role.user, password: 's3cond-secret' }))
    await running.says(/^running/m)
    expect((await running.ended).exitCode).toBe(0)
  },
)

test('a wrong password in a file is read again for the grace, and so a late one is found', async ({ db }) => {
  const role = await migrator(db)
  const path = join(db.dir, 'url')
  fs.writeFileSync(path, db.urlOf({ user: role.user, password: 'exp1red' }))
  db.files(files)
  const env = { UPFRONT_DATABASE_URL: undefined, DATABASE_URL_FILE: path, UPFRONT_AUTH_GRACE: '10s' }
  const running = db.spawn(['up'], env)
  await running.says('password authentication failed')
  replace(path, db.urlOf(role))
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
})

test('a new user and a new host in the file count too, and a file that is gone for a moment does not matter', async ({
  db,
}) => {
  const role = await migrator(db)
  const path = join(db.dir, 'url')
  fs.writeFileSync(path, db.urlOf({ user: 'nobody_yet', password: 'x', port: 1 }))
  db.files(files)
  const running = db.spawn(['up'], { UPFRONT_DATABASE_URL: undefined, DATABASE_URL_FILE: path })
  await running.says('ECONNREFUSED')
  fs.rmSync(path)
  await sleep(300)
  replace(path, db.urlOf(role))
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(0)
})

test('a password that is read later is redacted as well', async ({ db }) => {
  const role = await migrator(db)
  const path = join(db.dir, 'url')
  fs.writeFileSync(path, db.urlOf({ user: role.user, password: 'exp1red' }))
  db.files({ ...files, '002_tell.sql': `do $$ begin raise exception 'it is l4ter-secret'; end $$` })
  const running = db.spawn(['up'], {
    UPFRONT_DATABASE_URL: undefined,
    DATABASE_URL_FILE: path,
    UPFRONT_AUTH_GRACE: '10s',
  })
  await running.says('password authentication failed')
  await role.change('l4ter-secret')
  replace(path, db.urlOf({ user: role.user, password: 'l4ter-secret' }))
  const { exitCode, stderr } = await running.ended
  expect(exitCode, stderr).toBe(22)
  expect(stderr).toContain('it is ***')
  expect(stderr).not.toContain('l4ter')
  const rows = await db.query<{ error: string }>('select error from upfront.runs where error is not null')
  expect(JSON.stringify(rows)).not.toContain('l4ter')
})

test('PGPASSFILE and ~/.pgpass have the password, and are read again', async ({ db }) => {
  const role = await migrator(db)
  const { hostname, port } = new URL(db.url)
  db.files(files)
  const home = join(db.dir, 'home')
  fs.mkdirSync(home)
  const line = (password: string) => `other:*:*:*:nothing\n${hostname}:${port}:*:${role.user}:${password}\n`
  const path = join(home, '.pgpass')
  fs.writeFileSync(path, line(role.password), { mode: 0o600 })
  const url = `postgres://${role.user}@${hostname}:${port}/${db.name}`
  const env = { UPFRONT_DATABASE_URL: url, HOME: home, UPFRONT_AUTH_GRACE: '10s' }

  expect((await db.up([], env)).exitCode).toBe(0)
  const named = { UPFRONT_DATABASE_URL: url, PGPASSFILE: path }
  expect((await db.up([], named)).exitCode).toBe(0)
  expect((await db.up([], { UPFRONT_DATABASE_URL: `${url}?passfile=${path}` })).exitCode).toBe(0)

  await role.change('r0tated')
  const running = db.spawn(['up'], env)
  await running.says('password authentication failed')
  replace(path, line('r0tated'))
  expect((await running.ended).exitCode).toBe(0)
})

test('a .pgpass that others may read is ignored as by libpq, and the log says so', async ({ db }) => {
  const role = await migrator(db)
  const { hostname, port } = new URL(db.url)
  db.files(files)
  const path = join(db.dir, 'pgpass')
  fs.writeFileSync(path, `*:*:*:*:${role.password}\n`, { mode: 0o600 })
  fs.chmodSync(path, 0o644)
  const env = { UPFRONT_DATABASE_URL: `postgres://${role.user}@${hostname}:${port}/${db.name}`, PGPASSFILE: path }
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(2)
  expect(stderr).toContain(`the password file ${path} may be read by its group or by others (chmod 0600`)
  expect(stderr).toContain('the server asks for a password and none is set')
})

test('a service file has everything, and is read again', async ({ db }) => {
  const role = await migrator(db)
  const { hostname, port } = new URL(db.url)
  db.files(files)
  const path = join(db.dir, 'services')
  const text = (password: string) =>
    `[shop]\nhost=${hostname}\nport=${port}\nuser=${role.user}\npassword=${password}\ndbname=${db.name}\n`
  fs.writeFileSync(path, text(role.password))
  const env = { UPFRONT_DATABASE_URL: undefined, PGSERVICE: 'shop', PGSERVICEFILE: path, UPFRONT_AUTH_GRACE: '10s' }
  const { exitCode, stderr } = await db.up([], env)
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('(PG*)')
  expect(stderr).not.toContain(role.password)

  await role.change('r0tated')
  const running = db.spawn(['up'], env)
  await running.says('password authentication failed')
  replace(path, text('r0tated'))
  expect((await running.ended).exitCode).toBe(0)
})

test('no home at all, or one that is not there, is no crash', async ({ db }) => {
  db.files(files)
  for (const HOME of [undefined, '/nonexistent', '/']) {
    const running = db.spawn(['up'], { HOME, UPFRONT_DATABASE_URL: db.urlOf({ user: 'postgres', password: '' }) })
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(2)
    expect(stderr).toContain('the server asks for a password and none is set')
  }
})
