import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const a = { '0001_a.sql': 'create table a (id int)' }
const b = { '0002_b.sql': 'create table b (id int)' }
const why = ['--reason', 'it was so that night'] as const

async function repair(db: Database, ...args: readonly string[]) {
  return db.run(['repair', ...args, ...why])
}

/** What a repair has left in the runs. */
async function kept(db: Database) {
  return db.query(`select action, subject, reason, was->>'checksum' as checksum, was->>'state' as state, outcome
    from upfront.runs where command = 'repair' order by id`)
}

/** A file outside a transaction that stops at its third statement. */
const halfWay = {
  '0001_half.sql': `-- upfront:no-transaction
create table half (id int);
create index concurrently half_id on half (id);
select 1 / 0`,
}

test('a changed file can be accepted as what was applied, by the command that the refusal names', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files({ '0001_a.sql': 'create table a (id int) -- a comment', ...b })
  const refused = await db.up()
  expect(refused.exitCode).toBe(21)
  expect(refused.stderr).toContain('upfront repair --accept 0001_a --reason "..."')

  const { exitCode, stderr } = await repair(db, '--accept', '0001_a')

  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('repaired       0001_a  accept: the file as it is now counts as what was applied\n')
  expect(await kept(db)).toMatchObject([
    { action: 'accept', subject: '0001_a', reason: 'it was so that night', state: 'applied', outcome: 'done' },
  ])
  expect((await db.up()).stderr).toContain('up to date     2 migrations')
})

test('a row whose file is gone can be forgotten, and no run asks for it any more', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files(b)
  const refused = await db.up()
  expect(refused.stderr).toContain('upfront repair --forget 0001_a --reason "..."')

  expect((await repair(db, '--forget', '0001_a')).exitCode).toBe(0)

  expect(await db.history()).toEqual(['migration 0002_b applied'])
  expect((await db.up()).exitCode).toBe(0)
})

test('what stopped half way can be marked as done, once the catalog agrees', async ({ db }) => {
  db.files(halfWay)
  expect((await db.up()).exitCode).toBe(23)
  await db.query('drop index half_id')

  const refused = await repair(db, '--done', '0001_half')
  expect(refused.exitCode).toBe(28)
  expect(refused.stderr).toContain('- the index half_id does not exist\n')
  expect(refused.stderr).toContain('upfront repair --done 0001_half --reason "..." --against-catalog')

  await db.query('create index half_id on half (id)')
  expect((await repair(db, '--done', '0001_half')).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 0001_half applied'])
  expect((await db.up()).stderr).toContain('up to date     1 migration')
})

test('an index that is still invalid contradicts that the file is done', async ({ db }) => {
  db.files({ '0001_t.sql': 'create table t (id int); insert into t values (1), (1)' })
  await db.up()
  db.files({
    '0001_t.sql': 'create table t (id int); insert into t values (1), (1)',
    '0002_i.sql': 'create unique index concurrently t_id on t (id)',
  })
  expect((await db.up()).exitCode).toBe(23)
  const { exitCode, stderr } = await repair(db, '--done', '0002_i')
  expect(exitCode).toBe(28)
  expect(stderr).toContain('- the index t_id is invalid')
})

test('what stopped half way can be marked as not done, and runs again from its beginning', async ({ db }) => {
  db.files(halfWay)
  await db.up()
  const refused = await repair(db, '--not-done', '0001_half')
  expect(refused.exitCode).toBe(28)
  expect(refused.stderr).toContain('- half exists\n')
  await db.query('drop table half')

  expect((await repair(db, '--not-done', '0001_half')).exitCode).toBe(0)

  expect(await db.history()).toEqual([])
  db.files({ '0001_half.sql': halfWay['0001_half.sql'].replace('select 1 / 0', 'select 1') })
  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toEqual(['0001_half'])
})

test('the catalog can be overruled, and what it said is told', async ({ db }) => {
  db.files(a)
  await db.up()
  expect((await repair(db, '--forget', '0001_a')).exitCode).toBe(28)
  const { exitCode, stderr } = await repair(db, '--forget', '0001_a', '--against-catalog')
  expect(exitCode).toBe(0)
  expect(stderr).toContain('warning        against the catalog: a exists\n')
})

test('a seed can be forgotten, and runs again', async ({ db }) => {
  db.files(a)
  db.seeds({ '010_rows.sql': 'insert into a values (1)' })
  await db.up(['--seed', 'test'])
  const { exitCode, stderr } = await repair(db, '--forget', '010_rows.sql')
  expect(exitCode, stderr).toBe(0)
  expect((await db.up(['--seed', 'test'])).seeded).toEqual(['010_rows.sql'])
  expect(await kept(db)).toMatchObject([{ action: 'forget', subject: 'seed:010_rows.sql' }])
  const accept = await repair(db, '--accept', '010_rows.sql')
  expect(accept.exitCode).toBe(2)
  expect(accept.stderr).toContain('upfront repair --forget seed:010_rows.sql')
  expect((await repair(db, '--forget', 'seed:010_row.sql')).stderr).toContain('Did you mean seed:010_rows.sql?')
})

test('a name that is a seed and a migration is asked back', async ({ db }) => {
  db.files(a)
  db.seeds({ '0001_a.sql': 'insert into a values (1)' })
  await db.up(['--seed', 'test'])
  const { exitCode, stderr } = await repair(db, '--forget', '0001_a.sql')
  expect(exitCode).toBe(2)
  expect(stderr).toContain('Say which: seed:0001_a.sql, or 0001_a without an extension.')
  expect((await repair(db, '--forget', 'seed:0001_a.sql')).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 0001_a applied'])
})

test('a file that was run by hand can be marked as done, though no run has begun it', async ({ db }) => {
  db.files(a)
  await db.up()
  db.files({ ...a, ...b })
  expect((await repair(db, '--done', '0002_b')).exitCode).toBe(28)
  await db.query('create table b (id int)')
  expect((await repair(db, '--done', 'migrations/0002_b.sql')).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 0001_a applied', 'migration 0002_b baseline'])
  expect((await db.up()).exitCode).toBe(0)
})

test('every repair can be run twice: the second changes nothing and says so', async ({ db }) => {
  db.files({ ...a, ...halfWay })
  await db.up()
  await repair(db, '--not-done', '0001_half', '--against-catalog')
  await repair(db, '--forget', '0001_a', '--against-catalog')
  await repair(db, '--done', '0001_a')
  db.files({ '0001_a.sql': 'create table a (id int) -- more' })
  await repair(db, '--accept', '0001_a')
  await repair(db, '--environment', 'test')
  const before = [await db.history(), await kept(db)]
  for (const args of [
    ['--not-done', '0001_half'],
    ['--done', '0001_a'],
    ['--accept', '0001_a'],
    ['--environment', 'test'],
  ]) {
    const { exitCode, stderr } = await repair(db, ...args)
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('; nothing was changed')
  }
  expect([await db.history(), await kept(db)]).toEqual(before)
})

test('what was forgotten and has no file is known a second time too', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files(b)
  await repair(db, '--forget', '0001_a')
  const { exitCode, stderr } = await repair(db, '--forget', '0001_a')
  expect(exitCode).toBe(0)
  expect(stderr).toContain('0001_a is not in the history any more; nothing was changed')
})

test('one thing at a time, with a reason; a name that there is not is exit 2 with the nearest', async ({ db }) => {
  db.files({ ...a, '0002_bananas.sql': 'select 1' })
  await db.up()
  const say = async (...args: readonly string[]) => {
    const { exitCode, stderr } = await db.run(['repair', ...args])
    expect(exitCode, stderr).toBe(2)
    return stderr
  }
  expect(await say()).toContain('one of --accept, --forget, --done, --not-done and --environment')
  expect(await say('--accept', '0001_a', '--forget', '0001_a', ...why)).toContain('one thing at a time')
  expect(await say('--forget', '0001_a')).toContain('upfront repair --forget 0001_a --reason "..."')
  expect(await say('--forget', '0001_a', '--reason', '...')).toContain('Say why, in place of the dots')
  expect(await say('--forget', '0002_banana', ...why)).toContain('Did you mean 0002_bananas?')
  expect(await say('--forget', '0002', ...why)).toContain('Did you mean 0002_bananas?')
  expect(await kept(db)).toEqual([])
})

test('without a history there is nothing to repair, and baseline is named', async ({ db }) => {
  db.files(a)
  const { exitCode, stderr } = await repair(db, '--done', '0001_a')
  expect(exitCode).toBe(2)
  expect(stderr).toContain('upfront baseline --to')
  expect(await db.history()).toBeNull()
})

test('names are the same in both of Unicode’s spellings', async ({ db }) => {
  const name = '0001_caf\u00e9'
  db.files({ [`${name}.sql`]: a['0001_a.sql'], ...b })
  await db.up()
  db.files(b)
  expect((await repair(db, '--forget', name.normalize('NFD'))).exitCode).toBe(0)
  expect(await db.history()).toEqual(['migration 0002_b applied'])

  // A row of an earlier version, which took the name as macOS spells it.
  await db.query(`update upfront.history set name = normalize('0002_caf\u00e9', NFD), checksum = 'other'`)
  db.files({ '0002_caf\u00e9.sql': b['0002_b.sql'] })
  expect((await repair(db, '--accept', '0002_caf\u00e9.sql')).exitCode).toBe(0)
  expect((await kept(db)).at(-1)).toMatchObject({ action: 'accept', checksum: 'other' })
  expect((await db.up()).stderr).toContain('up to date     1 migration\n')
})

test('a database whose tables are of an earlier version is brought up by the first repair alone', async ({ db }) => {
  db.files(a)
  await db.up()
  await db.query('alter table upfront.runs drop action, drop subject, drop reason, drop was')
  db.files({ ...a, ...b })
  expect((await db.up()).exitCode).toBe(0)
  const columns = () =>
    db.query(`select attname from pg_attribute where attrelid = 'upfront.runs'::regclass and attname = 'reason'`)
  expect(await columns()).toEqual([])
  db.files(b)
  expect((await repair(db, '--forget', '0001_a')).exitCode).toBe(0)
  expect(await columns()).toHaveLength(1)
  expect(await kept(db)).toHaveLength(1)
})

test('a role that does not own our tables runs on them as before, and a repair says what it lacks', async ({ db }) => {
  db.files(a)
  await db.up()
  await db.query('alter table upfront.runs drop action, drop subject, drop reason, drop was')
  const { user, password } = await db.role()
  await db.query(`grant usage, create on schema public to ${user}; grant usage on schema upfront to ${user};
    grant select, insert, update, delete on all tables in schema upfront to ${user}`)
  const as = { UPFRONT_DATABASE_URL: db.urlOf({ user, password }) }
  db.files({ ...a, ...b })
  expect((await db.up([], as)).applied).toEqual(['0002_b'])
  db.files(b)
  const { exitCode, stderr } = await db.run(['repair', '--forget', '0001_a', ...why], as)
  expect(exitCode, stderr).toBe(24)
  expect(stderr).toContain('must be owner of table runs')
  expect(await db.history()).toEqual(['migration 0001_a applied', 'migration 0002_b applied'])
})

test('a repair waits for the lock, in the schema that was named', async ({ db }) => {
  db.files(a)
  const env = { UPFRONT_SCHEMA: 'ops' }
  await db.up([], env)
  const { lockKey } = await import('../../src/postgres/lock-key.ts')
  const holder = await db.connect()
  await holder.query(`select pg_advisory_lock(${lockKey('ops')})`)
  const args = ['repair', '--forget', '0001_a', '--against-catalog', ...why]
  expect((await db.run(args, { ...env, UPFRONT_LOCK_WAIT: '300ms' })).exitCode).toBe(31)
  await holder.query('select pg_advisory_unlock_all()')
  expect((await db.run(args, env)).exitCode).toBe(0)
  expect(await db.query('select * from ops.history')).toEqual([])
})

test('a file of the folder that cannot be read does not stop a repair that does without', async ({ db }) => {
  db.files({ ...a, ...b })
  await db.up()
  db.files({ ...b, '0003_c.sql': Buffer.from([0xff, 0xfe, 0x41, 0x00]) })
  const { exitCode, stderr } = await repair(db, '--forget', '0001_a')
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('this repair goes by the history alone')
  expect((await repair(db, '--accept', '0002_b')).exitCode).toBe(20)
})

test('a file that would not be run today can be accepted: the catalog is not asked, and that is said', async ({
  db,
}) => {
  db.files(a)
  await db.up()
  db.files({ '0001_a.sql': `create table a (id int); -- ${'it was made otherwise'}\nvacuum;` })
  expect((await db.up()).exitCode).toBe(21)
  const { exitCode, stderr } = await repair(db, '--accept', '0001_a')
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('the catalog was not asked about 0001_a, because of its file: VACUUM cannot run inside')
  const up = await db.up()
  expect(up.exitCode, up.stderr).toBe(0)
})

test('a reason that the encoding of the database lacks is exit 2, and not a fault of our tables', async ({ db }) => {
  db.files(a)
  const database = `${db.name}_latin1`
  await db.query(`create database ${database} encoding latin1 template template0 locale 'C'`)
  try {
    const there = { UPFRONT_DATABASE_URL: db.urlOf({ database }) }
    expect((await db.up([], there)).exitCode).toBe(0)
    const say = (reason: string) =>
      db.run(['repair', '--forget', '0001_a', '--against-catalog', '--reason', reason], there)
    const { exitCode, stderr } = await say('it was so 🎉')
    expect(exitCode, stderr).toBe(2)
    expect(stderr).toContain('characters that the encoding of the database has')
    expect((await say('für die Nacht')).exitCode).toBe(0)
  } finally {
    await db.query(`drop database ${database} with (force)`)
  }
})

test('no secret is kept in a reason', async ({ db }) => {
  db.files(a)
  await db.up()
  const password = decodeURIComponent(new URL(db.url).password)
  await db.run(['repair', '--environment', 'test', '--reason', `as ${password} said: ${db.url}`])
  const [row] = await kept(db)
  expect(password.length).toBeGreaterThan(5)
  expect(String(row!['reason'])).toContain('said')
  expect(String(row!['reason'])).not.toContain(password)
})

test('what has no file here can be marked as done, and it is said that nobody looked', async ({ db }) => {
  db.files({ ...b, ...halfWay })
  await db.up()
  db.files(b)
  const { exitCode, stderr } = await repair(db, '--done', '0001_half')
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('0001_half has no file here, so the catalog was not asked')
})

test('an index without a name contradicts as one with a name does', async ({ db }) => {
  db.files(a)
  await db.up()
  db.files({ ...a, '0002_i.sql': 'create index concurrently on a (id)' })
  const refused = await repair(db, '--done', '0002_i')
  expect(refused.exitCode).toBe(28)
  expect(refused.stderr).toContain('- an index on a (id) does not exist\n')
  await db.query('create index on a (id)')
  expect((await repair(db, '--done', '0002_i')).exitCode).toBe(0)
  const again = await repair(db, '--forget', '0002_i')
  expect(again.exitCode).toBe(28)
  expect(again.stderr).toContain('- the index a_id_idx exists\n')
})

test('the owner of our tables can repair without being a superuser, also as UPFRONT_ROLE', async ({ db }) => {
  const { user, password } = await db.role()
  const owner = `${db.name}_owner`
  await db.query(`create role ${owner}; grant ${owner} to ${user}; grant create on database ${db.name} to ${owner};
    grant create on schema public to ${owner}`)
  const as = { UPFRONT_DATABASE_URL: db.urlOf({ user, password }), UPFRONT_ROLE: owner }
  try {
    db.files(halfWay)
    expect((await db.up([], as)).exitCode).toBe(23)
    await db.query('alter table upfront.runs drop action, drop subject, drop reason, drop was')
    const done = await db.run(['repair', '--done', '0001_half', ...why], as)
    expect(done.exitCode, done.stderr).toBe(0)
    expect(await db.history()).toEqual(['migration 0001_half applied'])
    expect((await db.up([], as)).exitCode).toBe(0)
  } finally {
    await db.query(`drop owned by ${owner} cascade; drop role ${owner}`)
  }
})

test('a repair may be run twice by whatever spelling of the name', async ({ db }) => {
  db.files({ ...a, ...b })
  db.seeds({ '010_x.sql': 'insert into a values (1)' })
  await db.up(['--seed', 'development'])
  db.files(a)
  for (const word of ['0002_b.sql', 'seeds/010_x.sql']) {
    expect((await repair(db, '--forget', word)).exitCode).toBe(0)
    const second = await repair(db, '--forget', word)
    expect(second.exitCode, second.stderr).toBe(0)
    expect(second.stderr).toContain('is not in the history any more; nothing was changed')
  }
  expect(await kept(db)).toHaveLength(2)
})

test('baseline leaves what stopped half way as it is, and says what to do with it', async ({ db }) => {
  db.files({ '001_a.sql': '-- upfront:no-transaction\ncreate table a (id int);\nselect 1 / 0' })
  expect((await db.up()).exitCode).toBe(23)
  const { exitCode, stderr } = await db.run(['baseline', '--to', '001_a'])
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('001_a stopped half way and was left as it is')
  expect(stderr).toContain('upfront repair --done 001_a --reason "..."')
  expect(await db.history()).toEqual(['migration 001_a running'])
})
