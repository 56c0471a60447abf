// A role that a file sets outside a transaction holds for the file, and not for what we record of it.
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const marker = '-- upfront:no-transaction\n'

async function limited(db: Database) {
  const { user } = await db.role('nologin')
  await db.query(`grant all on schema public to ${user}`)
  return user
}

test.for([
  ['set role', (user: string) => `set role ${user}`],
  ['set session authorization', (user: string) => `set session authorization ${user}`],
  ['both', (user: string) => `set session authorization ${user}; set role ${user}`],
  ['a block', (user: string) => `set role ${user}`],
] as const)(
  '%s in a file outside a transaction: the progress is recorded, and the role holds to its end',
  async ([, set], { db }) => {
    const user = await limited(db)
    db.files({
      '001_a.sql': `${marker}${set(user)};
      create table a (id int);
      create index concurrently a_id on a (id);
      vacuum a;
      create table seen as select current_user::text as who;
      reset session authorization; reset role;
      insert into seen select current_user`,
      '002_b.sql': 'create table b (id int)',
    })
    const { exitCode, stderr } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(await db.query('select who from seen')).toEqual([{ who: user }, { who: 'postgres' }])
    const owners = await db.query(`select tablename, tableowner from pg_tables where schemaname = 'public' order by 1`)
    expect(owners).toEqual([
      { tablename: 'a', tableowner: user },
      { tablename: 'b', tableowner: 'postgres' },
      { tablename: 'seen', tableowner: user },
    ])
  },
)

test('a down outside a transaction that sets a role takes its row with it', async ({ db }) => {
  const user = await limited(db)
  db.files({
    '001_a.sql': 'create table a (id int); create index a_id on a (id)',
    '001_a.down.sql': `set role ${user}; set session authorization ${user}; select 1; drop index concurrently if exists nothing; reset session authorization; reset role; drop table a; set role ${user}`, // prettier-ignore
  })
  expect((await db.up()).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['down', '--yes-destroy', db.name])
  expect(exitCode, stderr).toBe(0)
  expect(await db.history()).toEqual([])
  expect(await db.tables()).toEqual([])
})

test('a file that fails while it is somebody else is told as it is, and forgotten or resumed', async ({ db }) => {
  const user = await limited(db)
  db.files({ '001_a.sql': `${marker}set role ${user};\ncreate table a (id int);\nselect 1 / 0;` })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(23)
  expect(stderr).toContain('stopped after 2 of 3 statements')
})

test('with UPFRONT_ROLE the progress is recorded as that role, whatever the file is', async ({ db }) => {
  const user = await limited(db)
  const { user: owner } = await db.role('nologin')
  await db.query(`grant all on database ${db.name} to ${owner}; grant all on schema public to ${owner}`)
  db.files({
    '001_a.sql': `${marker}create table a (id int);
      set role ${user};
      create table b (id int);
      create index concurrently b_id on b (id);
      begin; create table c (id int); commit`,
  })
  const { exitCode, stderr } = await db.up([], { UPFRONT_ROLE: owner })
  expect(exitCode, stderr).toBe(0)
  const owners = await db.query(
    `select tablename, tableowner from pg_tables where tablename in ('a', 'b', 'c', 'history') order by 1`,
  )
  expect(owners).toEqual([
    { tablename: 'a', tableowner: owner },
    { tablename: 'b', tableowner: user },
    { tablename: 'c', tableowner: user },
    { tablename: 'history', tableowner: owner },
  ])
})

test('a role that is no superuser runs everything outside a transaction that it may', async ({ db }) => {
  const us = await db.role('login')
  await db.query(`grant all on database ${db.name} to ${us.user}; grant all on schema public to ${us.user}`)
  db.files({
    '001_a.sql': `${marker}create table a (id int);
      begin; insert into a values (1); commit;
      create index concurrently on a (id);
      reindex table concurrently a;
      do $$ begin commit; end $$;
      vacuum a`,
  })
  const { exitCode, stderr } = await db.up([], { UPFRONT_DATABASE_URL: db.urlOf(us) })
  expect(exitCode, stderr).toBe(0)
})
