import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, type Files, test, until } from '../support/database.ts'

const v1 = { '0001_users.sql': 'create table users (id int, name text)' }
const v2 = {
  ...v1,
  '0002_full_name.sql': 'alter table users add column full_name text',
  '0003_drop_name.sql': '-- the old form wrote it\n-- upfront:contract\nalter table users drop column name',
}
const v3 = { ...v2, '0004_email.sql': 'alter table users add column email text' }

const columns = async (db: Database) =>
  (
    await db.query<{ name: string }>(
      `select attname as name from pg_attribute where attrelid = 'users'::regclass and attnum > 0 and not attisdropped order by attnum`,
    )
  ).map(({ name }) => name)

/** Runs `up` of one version after the other. */
async function deploy(db: Database, ...versions: readonly Files[]) {
  for (const files of versions) {
    db.files(files)
    expect((await db.up()).exitCode).toBe(0)
  }
}

/** A database on which the first version is at work. */
const withFirst = (db: Database) => deploy(db, v1)

/** A session called as one of a version of the application. */
const sessionOf = (db: Database, version: string) =>
  db.connect(`${db.url}?application_name=${encodeURIComponent(`shop/${version}`)}`)

const isGone = async (db: Database, version: string) =>
  (await db.query(`select from pg_stat_activity where application_name = 'shop/${version}'`)).length === 0

const pattern = { UPFRONT_APP_PATTERN: 'shop/{version}', UPFRONT_APP_VERSION: '2.0' }

test('up leaves a contract migration, says so, ends with 0, and runs later ones', async ({ db }) => {
  await withFirst(db)
  db.files(v3)

  const { exitCode, stderr } = await db.up()

  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('deferred       0003_drop_name')
  expect(await columns(db)).toEqual(['id', 'name', 'full_name', 'email'])

  const again = await db.up()
  expect(again.stderr, 'the start with nothing to do says it too').toContain('deferred       0003_drop_name')
  expect(again.stderr).toContain('up to date')
  expect(await db.query('select count(*)::int as runs from upfront.runs')).toEqual([{ runs: 2 }])
})

test('status and plan show what is deferred, and nothing counts as pending', async ({ db }) => {
  await withFirst(db)
  db.files(v2)
  await db.up()

  const status = await db.run(['status', '--json', '--exit-code'])
  expect(status.exitCode).toBe(0)
  expect(JSON.parse(status.stdout).migrations).toMatchObject([{}, {}, { name: '0003_drop_name', state: 'deferred' }])
  expect((await db.run(['plan'])).stdout).toContain(
    'deferred until nothing older is left (upfront contract): 0003_drop_name',
  )
  expect(JSON.parse((await db.run(['plan', '--json'])).stdout)).toMatchObject({
    pending: [],
    deferred: ['0003_drop_name'],
  })
  const gate = await db.run(['wait'])
  expect(gate.exitCode, 'the application of this version needs it not').toBe(0)
  expect(gate.stderr).toContain('up to date     2 migrations\ndeferred       0003_drop_name')
})

test('a new database, which no older version can use, gets everything in its order', async ({ db }) => {
  db.files({ ...v3, '0005_name.sql': 'alter table users add column name jsonb' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await columns(db)).toEqual(['id', 'full_name', 'email', 'name'])
})

test('a file in contract/ needs no mark, keeps its name and place, and may be moved there before it is applied', async ({
  db,
}) => {
  await withFirst(db)
  const file = 'contract/0002_drop_name.sql'
  db.files({ ...v1, [file]: 'alter table users drop column name', '0003_more.sql': 'create table more (id int)' })
  await db.up()
  expect(await columns(db)).toEqual(['id', 'name'])
  const { exitCode, stderr } = await db.run(['contract', '--without-evidence'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.query(`select name from upfront.history order by id`)).toEqual(
    ['0001_users', '0003_more', '0002_drop_name'].map((name) => ({ name })),
  )
})

test('moving a deferred file out of contract/ makes the next start apply it, although its text is the same', async ({
  db,
}) => {
  await withFirst(db)
  db.files({ ...v1, 'contract/0002_drop_name.sql': 'alter table users drop column name' })
  await db.up()
  expect(await columns(db)).toEqual(['id', 'name'])
  db.files({ ...v1, '0002_drop_name.sql': 'alter table users drop column name' })
  await db.up()
  expect(await columns(db)).toEqual(['id'])
})

test('a run that only takes over what another tool has applied leaves what is deferred, and contract applies it', async ({
  db,
}) => {
  const parts = (sql: string, mark = '') => `${mark}-- migrate:up\n${sql};\n-- migrate:down\n`
  db.files({
    '0001_users.sql': parts(v1['0001_users.sql']),
    '0002_drop_name.sql': parts('alter table users drop column name', '-- upfront:contract\n'),
    '0003_email.sql': parts('alter table users add column email text'),
  })
  await db.query(`create table schema_migrations (version varchar(128) primary key); ${v1['0001_users.sql']};
    alter table users add column email text; insert into schema_migrations values ('0001'), ('0003')`)
  for (const run of [await db.up(), await db.up()]) {
    expect(run.exitCode, run.stderr).toBe(0)
    expect(run.stderr).toContain('up to date     2 migrations')
    expect(run.stderr).toContain('deferred       0002_drop_name')
  }

  expect((await db.run(['contract'])).exitCode).toBe(28)
  const { exitCode, stderr } = await db.run(['contract', '--without-evidence'])
  expect(exitCode, stderr).toBe(0)
  expect(await columns(db)).toEqual(['id', 'email'])
})

test('contract applies while nothing older lives, and not while one old session does, which it names', async ({
  db,
}) => {
  await withFirst(db)
  const [older, newer] = [await sessionOf(db, '1.9'), await sessionOf(db, '2.0')]
  try {
    db.files(v2)
    await db.up()

    const refused = await db.run(['contract'], pattern)
    expect(refused.exitCode, refused.stderr).toBe(34)
    expect(refused.stderr).toContain('shop/1.9')
    expect(await columns(db)).toContain('name')

    const safe = await db.up([], { ...pattern, UPFRONT_CONTRACT: 'when-safe' })
    expect(safe.exitCode, safe.stderr).toBe(0)
    expect(safe.stderr).toContain('deferred       0003_drop_name')
    expect(safe.stderr).toContain('shop/1.9')
    await db.up([], { ...pattern, UPFRONT_CONTRACT: 'when-safe' })
    expect(await db.query(`select count(*)::int as runs from upfront.runs`), 'a look is no run').toEqual([{ runs: 2 }])

    await older.end()
    await until(() => isGone(db, '1.9'), 'the old session is gone')
    const done = await db.run(['contract'], pattern)
    expect(done.exitCode, done.stderr).toBe(0)
    expect(await columns(db)).toEqual(['id', 'full_name'])
    expect((await db.run(['contract'], pattern)).stderr).toContain('up to date')
    expect((await db.up()).stderr).not.toContain('deferred')
  } finally {
    await newer.end()
  }
})

test('when-safe applies it in a later start, as soon as the last old session has gone', async ({ db }) => {
  await withFirst(db)
  const newer = await sessionOf(db, '2.0')
  try {
    db.files(v2)
    await db.up()
    const { exitCode, stderr } = await db.up([], { ...pattern, UPFRONT_CONTRACT: 'when-safe' })
    expect(exitCode, stderr).toBe(0)
    expect(await columns(db)).toEqual(['id', 'full_name'])
  } finally {
    await newer.end()
  }
})

test('without anything that would tell, contract is refused, and --without-evidence takes the word for it', async ({
  db,
}) => {
  await withFirst(db)
  db.files(v2)
  await db.up()
  const refused = await db.run(['contract'])
  expect(refused.exitCode, refused.stderr).toBe(28)
  expect(refused.stderr).toContain('nobody has ever held a lease here')
  expect(await columns(db)).toContain('name')
  expect((await db.run(['contract', '--without-evidence'])).exitCode).toBe(0)
  expect(await columns(db)).toEqual(['id', 'full_name'])
})

test('an older image is refused by the name of what took away what it uses, and so is its gate', async ({ db }) => {
  await withFirst(db)
  db.files(v2)
  await db.up()
  db.files(v1)
  expect((await db.up()).exitCode, 'ahead is fine as long as nothing was taken away').toBe(0)
  db.files(v2)
  await db.run(['contract', '--without-evidence'])
  db.files(v1)

  for (const command of [['up'], ['wait'], ['plan']]) {
    const { exitCode, stderr } = await db.run(command)
    expect(exitCode, `${command[0]}: ${stderr}`).toBe(21)
    expect(stderr).toContain('0003_drop_name')
  }
  const status = await db.run(['status', '--exit-code'])
  expect(status.exitCode).toBe(21)
  expect(status.stderr).toContain('0003_drop_name')
})

test('an image that has all that was contracted comes back, though a newer one has applied more before that', async ({
  db,
}) => {
  await withFirst(db)
  db.files(v3)
  await db.up()
  expect((await db.run(['contract', '--without-evidence'])).exitCode).toBe(0)
  expect(await columns(db)).toEqual(['id', 'full_name', 'email'])
  db.files(v2)
  for (const command of [['up'], ['wait'], ['plan'], ['status', '--exit-code']]) {
    const { exitCode, stderr } = await db.run(command)
    expect(exitCode, `${command[0]}: ${stderr}`).toBe(0)
    if (command[0] === 'up') expect(stderr).toMatch(/^ahead .*0004_email/m)
  }
  db.files(v1)
  expect((await db.up()).stderr, 'by the name of what took away what it uses').toContain(
    'this image is too old: 0003_drop_name took away',
  )
})

test('an image that is rolled back says which contract migrations are left', async ({ db }) => {
  await withFirst(db)
  db.files(v3)
  await db.up()
  db.files(v2)
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/ahead .*0004_email/)
  expect(stderr).toMatch(/deferred .*0003_drop_name[^]*the database is ahead of this image/)
})

test('the floor goes with a down, holds after a baseline, and is made for tables of an earlier version', async ({
  db,
}) => {
  await withFirst(db)
  await db.query('drop table upfront.floors; alter table upfront.runs drop column deferred')
  db.files({ ...v2, '0003_drop_name.down.sql': 'alter table users add column name text' })
  await db.up()
  expect((await db.run(['contract', '--without-evidence'])).exitCode).toBe(0)
  expect(await db.query('select name from upfront.floors')).toEqual([{ name: '0003_drop_name' }])
  const back = await db.run(['down', '--yes-destroy', db.name])
  expect(back.exitCode, back.stderr).toBe(0)
  db.files(v1)
  expect((await db.up()).exitCode, 'taken back, so the older one may come back').toBe(0)
  db.files(v2)
  await db.query('alter table users drop column name')
  await db.query('delete from upfront.floors')
  expect((await db.run(['baseline'])).exitCode).toBe(0)
  db.files(v1)
  expect((await db.up()).exitCode).toBe(21)
})

test('a contract migration that stopped half way is pending, and the next start finishes it', async ({ db }) => {
  await withFirst(db)
  const file = '0002_contract.sql'
  const begin = '-- upfront:no-transaction\n-- upfront:contract\n'
  db.files({ ...v1, [file]: `${begin}create table one (id int);\nselect 1/0;\nalter table users drop column name;` })
  await db.up()
  expect((await db.run(['contract', '--without-evidence'])).exitCode).toBe(23)
  db.files({ ...v1, [file]: `${begin}create table one (id int);\nselect 1;\nalter table users drop column name;` })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await columns(db)).toEqual(['id'])
  expect(await db.query('select name from upfront.floors')).toEqual([{ name: '0002_contract' }])
})

test('contract migrations keep their order among themselves', async ({ db }) => {
  await withFirst(db)
  const mark = '-- upfront:contract\n'
  db.files({ ...v1, '0002_b.sql': `${mark}create table b (id int)`, '0003_c.sql': `${mark}create table c (id int)` })
  await db.up()
  await db.run(['contract', '--without-evidence'])
  expect(await db.query('select name from upfront.history order by id')).toMatchObject([
    {},
    { name: '0002_b' },
    { name: '0003_c' },
  ])
  db.files({
    ...v1,
    '0002_a.sql': `${mark}create table a (id int)`,
    '0002_b.sql': `${mark}create table b (id int)`,
    '0003_c.sql': `${mark}create table c (id int)`,
  })
  const late = await db.up()
  expect(late.exitCode, late.stderr).toBe(21)
  expect(late.stderr).toContain('0002_a: not applied, though a later one is')
})

test('compile warns of what should wait, in files that do not say so', async ({ db }) => {
  db.files({
    ...v1,
    '0002_own.sql': 'create table t (a int); alter table t drop column a; drop table t;',
    '0003_drop.sql': 'drop table users',
    '0004_rename.sql': '-- upfront:allow needs-contract nobody uses it yet\nalter table users rename column name to n',
    '0005_null.sql': 'alter table public.users alter column name set not null',
    '0006_type.sql': '-- upfront:contract\nalter table users alter column id type bigint',
  })
  const { exitCode, stderr, stdout } = await db.run(['compile'])
  const said = stdout + stderr
  expect(exitCode, said).toBe(0)
  expect(said.match(/needs-contract\./g), said).toHaveLength(2)
  expect(said).toMatch(/0003_drop\.sql:1:1.*drops a table of users/s)
  expect(said).toMatch(/0005_null\.sql:1:1.*sets NOT NULL on name of public\.users/s)
})

test('a bundle knows what waits as its folder does, and verify holds the schema as it is until then', async ({
  db,
}) => {
  await withFirst(db)
  db.files({ ...v3, 'contract/0005_drop_full_name.sql': 'alter table users drop column full_name' })
  const out = join(db.dir, 'out')
  const compiled = await db.run(['compile', '--schema', '--out', out], { UPFRONT_SHADOW_DATABASE_URL: db.url })
  expect(compiled.exitCode, compiled.stderr).toBe(0)
  const env = { UPFRONT_MIGRATIONS_DIR: join(out, 'migrations'), UPFRONT_VERIFY: 'fail' }
  const up = await db.up([], env)
  expect(up.exitCode, up.stderr).toBe(0)
  expect(up.stderr).toContain('0003_drop_name')
  expect(up.stderr).toContain('verified')
  expect((await db.run(['verify'], env)).exitCode).toBe(0)
  const contracted = await db.run(['contract', '--without-evidence'], env)
  expect(contracted.exitCode, contracted.stderr).toBe(0)
  expect((await db.run(['verify'], env)).exitCode).toBe(0)
  expect(await columns(db)).toEqual(['id', 'email'])
  await db.query('alter table users add column name text')
  expect((await db.run(['verify'], env)).exitCode).toBe(27)
})

test('a gate whose role may read the history and no more stops below the floor as well', async ({ db }) => {
  await withFirst(db)
  db.files(v2)
  await db.up()
  await db.run(['contract', '--without-evidence'])
  const { user, password } = await db.role()
  await db.query(`grant usage on schema upfront to ${user}; grant select on upfront.history to ${user}`)
  const env = { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  expect((await db.run(['wait'], env)).exitCode).toBe(0)
  db.files(v1)
  const { exitCode, stderr } = await db.run(['wait'], env)
  expect(exitCode, stderr).toBe(21)
  expect(stderr).toContain('0003_drop_name')
})

test('plan and doctor say what up would do: with when-safe, with always, and after a first run that has failed', async ({
  db,
}) => {
  db.files({ ...v2, '0004_wrong.sql': 'select 1/0' })
  expect((await db.up()).exitCode).toBe(22)
  await db.query(`delete from upfront.history where name = '0003_drop_name'; alter table users add column name text`)
  db.files(v2)
  const planned = async (env: Record<string, string> = {}) =>
    JSON.parse((await db.run(['plan', '--json'], env)).stdout).pending.map(({ name }: { name: string }) => name)
  expect(await planned(), 'no run has ever come to its end, so this is new').toEqual(['0003_drop_name'])
  expect((await db.run(['doctor'])).stdout).not.toContain('deferred until')
  await db.query(`update upfront.runs set outcome = 'done'`)
  expect(await planned()).toEqual([])
  expect((await db.run(['doctor'])).stdout).toContain('deferred until nothing older is left')
  expect(await planned({ UPFRONT_CONTRACT: 'always' })).toEqual(['0003_drop_name'])
  const newer = await sessionOf(db, '2.0')
  try {
    expect(await planned({ ...pattern, UPFRONT_CONTRACT: 'when-safe' })).toEqual(['0003_drop_name'])
  } finally {
    await newer.end()
  }
})

test('a warning about the evidence is given once, although a run looks twice', async ({ db }) => {
  await withFirst(db)
  db.files({ ...v2, '0004_email.sql': 'alter table users add column email text' })
  const { stderr } = await db.up([], { ...pattern, UPFRONT_CONTRACT: 'when-safe' })
  expect(stderr.match(/no session is called as UPFRONT_APP_PATTERN says$/gm), stderr).toHaveLength(1)
})

test('repair --done makes a floor', async ({ db }) => {
  await withFirst(db)
  db.files(v2)
  await db.up()
  const why = ['--reason', 'by hand', '--against-catalog']
  expect((await db.run(['repair', '--done', '0003_drop_name', ...why])).exitCode).toBe(0)
  db.files(v1)
  expect((await db.up()).exitCode).toBe(21)
})

test('squawk does not warn again of what a contract migration is for', async ({ db }) => {
  const drop = 'alter table users drop column name;'
  db.files({ ...v1, '0002_a.sql': drop, '0003_b.sql': `-- upfront:contract\n${drop}` })
  const { stdout } = await db.run(['compile', '--json', '--deny'])
  const { problems } = JSON.parse(stdout) as { problems: { place: { file: string }; rule: string }[] }
  const found = problems.filter(({ rule }) => rule === 'squawk/ban-drop-column')
  expect(found.map(({ place }) => place.file)).toEqual([expect.stringContaining('0002_a.sql')])
})

test('what waits is rehearsed by who asks for it', async ({ db }) => {
  await withFirst(db)
  db.files(v2)
  await db.up()
  const rehearse = async (env: Record<string, string> = {}) =>
    (await db.run(['rehearse', '--on-target', '--allow-danger'], env)).stdout
  expect(await rehearse()).not.toContain('0003_drop_name')
  expect(await rehearse({ UPFRONT_CONTRACT: 'always' })).toContain('0003_drop_name')
  expect(await columns(db)).toContain('name')
})

test('a database whose first run ended behind its migrations is in use, although that run never came to its end', async ({
  db,
}) => {
  db.files(v1)
  db.seeds({ 'dev/0001_wrong.sql': 'select 1/0' })
  expect((await db.up([], { UPFRONT_SEED: 'dev' })).exitCode).toBe(26)
  expect((await db.run(['wait'])).exitCode, 'so the application begins').toBe(0)
  db.files(v2)
  expect((await db.up()).stderr).toContain('deferred       0003_drop_name')
  expect(await columns(db)).toContain('name')
})

test('so is one whose first runner died before it could say that it was done; one with nothing applied is new', async ({
  db,
}) => {
  await withFirst(db)
  await db.query('update upfront.runs set outcome = null, finished_at = null')
  db.files({ ...v2, '0004_wrong.sql': 'select 1/0' })
  expect((await db.up()).exitCode).toBe(22)
  expect(await columns(db)).toEqual(['id', 'name', 'full_name'])
  await db.query(`drop table users; delete from upfront.history`)
  db.files(v2)
  expect((await db.up()).exitCode).toBe(0)
  expect(await columns(db)).toEqual(['id', 'full_name'])
})

test('a module with the mark in a comment does not run at once; in contract/ it waits', async ({ db }) => {
  await withFirst(db)
  const module = `// upfront:contract\nexport const up = ({ query }) => query('alter table users drop column name')`
  db.files({ ...v1, '0002_drop.js': module })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(20)
  expect(stderr).toContain('Move it to contract/')
  expect(await columns(db)).toContain('name')
  db.files({ ...v1, 'contract/0002_drop.js': module })
  expect((await db.up()).stderr).toContain('deferred       0002_drop')
})

test('a file of another tool that runs again has one digest, with the mark as well, which means nothing there', async ({
  db,
}) => {
  db.files({
    'V1__users.sql': 'select 1',
    'R__v.sql': '-- upfront:contract\ncreate or replace view v as select 1 as a',
  })
  const out = join(db.dir, 'out')
  await db.run(['compile', '--out', out])
  const digest = async (env = {}) => JSON.parse((await db.run(['plan', '--json'], env)).stdout).bundle
  expect(await digest({ UPFRONT_MIGRATIONS_DIR: join(out, 'migrations') })).toBe(await digest())
})

test('a migration that fails behind one that waits says so', async ({ db }) => {
  await withFirst(db)
  db.files({ ...v2, '0004_name.sql': 'alter table users add column name jsonb' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('0004_name comes behind 0003_drop_name, deferred until nothing older is left')
  expect((await db.run(['contract', '--without-evidence'])).exitCode).toBe(0)
})

test('a first run that stopped at what no gate waits for has left a database in use', async ({ db }) => {
  db.files({ ...v1, '0002_contract.sql': '-- upfront:contract\nselect 1/0' })
  expect((await db.up()).exitCode).toBe(22)
  expect((await db.run(['wait'])).exitCode, 'so the application begins').toBe(0)
  db.files({ ...v2, '0002_contract.sql': '-- upfront:contract\nselect 1' })
  expect((await db.up()).stderr).toContain('deferred       0002_contract, 0003_drop_name')
  expect(await columns(db)).toContain('name')
})

test('contract of an image that the database is ahead of contracts nothing, and does not end as if it had', async ({
  db,
}) => {
  await deploy(db, v1, v2, v3)
  db.files(v2)
  const { exitCode, stderr } = await db.run(['contract', '--without-evidence'])
  expect(exitCode, stderr).toBe(28)
  expect(stderr).toContain('0003_drop_name: deferred still')
  expect((await db.up()).stderr, 'up says what is left, too').toContain('deferred       0003_drop_name')
  db.files(v3)
  expect((await db.run(['contract', '--without-evidence'])).exitCode).toBe(0)
  db.files(v2)
  expect((await db.run(['contract'])).exitCode, 'nothing is left').toBe(0)
})

test('the gate of an image that the database is ahead of is open when a newer one has changed what runs again', async ({
  db,
}) => {
  const view = (n: number) => ({ 'repeatable/version.sql': `create or replace view version as select ${n} as n` })
  const env = { UPFRONT_WAIT_TIMEOUT: '500ms' }
  await deploy(db, { ...v1, ...view(1) }, { ...v2, ...view(2) }, { ...v1, ...view(1) })
  expect(await db.query('select n from version'), 'up of the older one leaves it').toEqual([{ n: 2 }])
  const { exitCode, stderr } = await db.run(['wait'], env)
  expect(exitCode, stderr).toBe(0)
  const status = await db.run(['status', '--json', '--exit-code'])
  expect(status.exitCode).toBe(0)
  expect(JSON.parse(status.stdout).repeatable).toMatchObject([{ state: 'ahead' }])
  db.files({ ...v1, ...view(1), 'repeatable/other.sql': 'create or replace view other as select 1 as one' })
  expect((await db.run(['wait'], env)).exitCode, 'what was never made is not there').toBe(34)
})
