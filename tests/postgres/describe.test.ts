// What a description of a database is, whoever asks, however the database is set, and whatever stands in between.
import { describe, expect } from 'vitest'
import { type Describing, describeSchema } from '../../src/catalog/describe.ts'
import { keyOf } from '../../src/schema/description.ts'
import { compareSchemas, isSame } from '../../src/schema/difference.ts'
import { missing, withPgBouncer } from '../torture/harness/pgbouncer.ts'
import { withServer } from '../torture/harness/server.ts'
import { withStandby } from '../torture/harness/standby.ts'
import { type Database, test, withDatabase } from '../support/database.ts'
import { all, changed, describeDatabase } from '../support/describe.ts'
import { withSession } from './adopt/describe-adopter.ts'

const longName = 'é'.repeat(31)

/** Something of nearly every kind, in the words that settings change. */
const rich = `create schema "App é"; create extension hstore schema "App é"; set search_path = "App é", public;
  create type mood as enum ('ok', 'it''s'); create domain email as text default 'x' check (value ~ '@');
  create type pair as (a int, b text); create type span as range (subtype = float8);
  create table "${longName}" (id bigint generated always as identity primary key, "select" int default 5 check ("select" > 0),
    at timestamptz default '2024-01-01 12:00:00+02', day date default '2024-03-01', span interval default '1 day 02:00:00',
    money money default '12.50'::money, share float8 default 0.1, bytes bytea default decode('01ff', 'hex'), m mood default 'ok',
    tags text[] default '{a,b}', h hstore default 'a=>1', path text default 'a\\b', twice int generated always as ("select" * 2) stored);
  create index on "${longName}" (at) where at > '2024-01-01 12:00:00+02';
  create table p (at timestamptz primary key) partition by range (at);
  create table p1 partition of p for values from ('2024-01-01 00:00:00+02') to ('2025-01-01 00:00:00+02');
  create view v as select id, at + '1 day'::interval as later, '2024-01-01 12:00:00+02'::timestamptz as fixed from "${longName}";
  create function f(a text default 'x', b timestamptz default '2024-01-01 12:00:00+02') returns int language sql set search_path = public as 'select 1';
  create function g() returns timestamptz return '2024-01-01 12:00:00+02'::timestamptz;
  create trigger t before update on p for each row when (new.at > '2024-01-01 12:00:00+02') execute function suppress_redundant_updates_trigger();
  create policy "only" on "${longName}" using (at > '2024-01-01 12:00:00+02');
  create sequence s; comment on table p is 'it''s'; grant select on p to pg_monitor`

const lines = (description: Awaited<ReturnType<typeof describeDatabase>>) =>
  description.objects.map((one) => `${keyOf(one)}: ${one.is}`)

describe('a description', () => {
  test('is the same twice, and its difference from itself is nothing', async ({ db }) => {
    await db.query(rich)
    const first = await describeDatabase(db)
    expect(first.objects.length).toBeGreaterThan(50)
    expect(await describeDatabase(db)).toEqual(first)
    expect(isSame(compareSchemas(first, await describeDatabase(db), { exclude: [], also: ['owners'] }))).toBe(true)
  })

  test('has each key once, and every part is of something that is there', async ({ db }) => {
    await db.query(rich)
    const { objects } = await describeDatabase(db)
    const keys = new Set(objects.map(keyOf))
    expect(keys.size).toBe(objects.length)
    expect(objects.filter(({ of }) => of !== undefined && !keys.has(of))).toEqual([])
  })

  test('does not depend on how the database, the role or the session is set', async ({ db }) => {
    await db.query(rich)
    const plain = await describeDatabase(db)
    const role = await db.role('superuser login')
    for (const setting of [
      `timezone = 'Asia/Kathmandu'`,
      `datestyle = 'SQL, DMY'`,
      `intervalstyle = 'sql_standard'`,
      `search_path = "App é"`,
      'quote_all_identifiers = on',
      'extra_float_digits = -5',
      'bytea_output = escape',
      'standard_conforming_strings = off',
      'default_transaction_isolation = serializable',
      'default_transaction_read_only = on',
      'enable_hashjoin = off',
    ])
      // prettier-ignore
      await db.query(`alter database ${db.name} set ${setting}`)
    await db.query(`alter role ${role.user} set search_path = public, "App é"`)
    expect(changed(plain, await describeDatabase(db, db.urlOf(role)), ['owners', 'grants', 'comments'])).toEqual([])
    expect(lines(await describeDatabase(db))).toEqual(lines(plain))
  })

  test('leaves the session as it was', async ({ db }) => {
    await db.query(rich)
    await withSession(db, async (session) => {
      const settings = () => session.query(`select name, setting from pg_settings where source = 'session'`)
      const before = await settings()
      await describeSchema(session, { ...all, local: { lockTimeoutMs: 1000, role: undefined } })
      expect(await settings()).toEqual(before)
      expect(session.client.getTransactionStatus()).toBe('I')
      expect(await session.query('show transaction_read_only')).toEqual([{ transaction_read_only: 'off' }])
    })
  })

  test('is what a transaction sees that is open, and leaves it open and as it was', async ({ db }) => {
    await db.query('create table a (id int)')
    const before = await describeDatabase(db)
    await withSession(db, async (session) => {
      await session.query(`begin; set local timezone = 'Asia/Kathmandu'; create table b (id int)`)
      expect(changed(before, await describeSchema(session, all))).toEqual(['+ table public.b'])
      expect(await session.query('show timezone')).toEqual([{ TimeZone: 'Asia/Kathmandu' }])
      await session.query('create table c (id int); commit')
    })
    expect(changed(before, await describeDatabase(db))).toEqual(['+ table public.b', '+ table public.c'])
  })

  test('leaves out schemas and tables that are not of the bundle, with all that is of them', async ({ db }) => {
    await db.query(
      `create schema "Our s"; create table "Our s".history (id serial primary key); create table kept (id int)`,
    )
    const before = await describeDatabase(db, db.url, { ...all, without: ['Our s'] })
    await db.query(`create table "Tool's" (id serial primary key, b int check (b > 0)); create index on "Tool's" (b);
      comment on table "Tool's" is 'x'; comment on column "Tool's".b is 'y'; grant select on "Tool's" to public;
      create sequence elsewhere owned by "Tool's".b; comment on sequence elsewhere is 'z'`)
    const describing: Describing = { without: ['Our s'], withoutTables: [`"public"."Tool's"`, 'no.such'] }
    const after = await describeDatabase(db, db.url, describing)
    expect(changed(before, after, ['owners', 'grants', 'comments'])).toEqual([])
    expect(lines(after).filter((line) => /Our s|Tool/.test(line))).toEqual([])
  })

  test('has nothing of extensions, of Postgres, and of the temporary tables of others', async ({ db }) => {
    const before = await describeDatabase(db)
    await db.query('create temp table t (id serial primary key); create temp view v as select 1')
    await db.query('create extension hstore; create extension pg_trgm')
    expect(changed(before, await describeDatabase(db), ['owners', 'grants'])).toEqual([
      '+ extension hstore: in schema public',
      '+ extension pg_trgm: in schema public',
    ])
  })

  test('names what it has no lines for, and nothing that extensions or initdb brought', async ({ db }) => {
    await db.query(`create extension hstore; create extension citext; create extension file_fdw`)
    expect((await describeDatabase(db)).notModelled).toEqual([])
    await db.query(`create schema app; create function app.eq(int, text) returns bool return true;
      create operator app.=== (leftarg = int, rightarg = text, function = app.eq);
      create type app.c as (a int); create type app.e as enum ('a'); create cast (app.c as app.e) with inout;
      create text search dictionary app.d (template = simple); create text search configuration app.s (copy = simple);
      create type app.shell; create type app.r as range (subtype = float8);
      create operator class app.o for type int using btree as operator 1 <, function 1 btint4cmp(int, int);
      create foreign data wrapper w; create server s foreign data wrapper w; create user mapping for public server s;
      create conversion app.v for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8; select lo_create(0), lo_create(0)`)
    expect((await describeDatabase(db)).notModelled).toEqual([
      'base type app.shell',
      'cast (app.c as app.e)',
      'conversion app.v',
      'foreign data wrapper w',
      'large objects',
      'operator app.===(integer,text)',
      'operator class app.o using btree',
      'operator family app.o using btree',
      'server s',
      'text search configuration app.s',
      'text search dictionary app.d',
      'user mapping for public server s',
    ])
  })
})

describe('a role with few rights', () => {
  test('sees what a superuser sees', async ({ db }) => {
    await db.query(rich)
    const role = await db.role()
    await db.query(`revoke all on schema public from public; revoke all on database ${db.name} from public;
      grant connect on database ${db.name} to ${role.user}`)
    const expected = await describeDatabase(db)
    expect(await describeDatabase(db, db.urlOf(role))).toEqual(expected)
  })

  test('is told what it may not look at, and none of that is missing', async ({ db }) => {
    await db.query(rich)
    const role = await db.role()
    const before = await describeDatabase(db)
    await db.query('revoke select on pg_policy from public; revoke execute on function pg_get_viewdef(oid) from public')
    const found = await describeDatabase(db, db.urlOf(role))
    expect(found.unseen).toContain('the role may not read pg_policy: policies were not looked at')
    expect(found.unseen).toContain('the role may not call pg_get_viewdef(): the queries of views were not looked at')
    const difference = compareSchemas(before, found, { exclude: [], also: ['owners', 'grants'] })
    expect(isSame(difference)).toBe(true)
    expect(found.hidden).toEqual(expect.arrayContaining(['policy', 'query']))
    await db.query('drop table "App é".p cascade')
    expect(changed(before, await describeDatabase(db, db.urlOf(role)))).toContain('- table "App é".p')
  })

  test('is set for the one message, and a role that may not be is an error that says so', async ({ db }) => {
    const role = await db.role('nologin')
    await withSession(db, async (session) => {
      const as = (name: string) => describeSchema(session, { ...all, local: { lockTimeoutMs: 1000, role: name } })
      expect((await as(role.user)).major).toBeGreaterThan(13)
      expect(await session.query('select current_user as name')).toEqual([{ name: 'postgres' }])
      await expect(as('nobody at all')).rejects.toThrow('the role "nobody at all" (UPFRONT_ROLE) does not exist')
      expect(session.client.getTransactionStatus()).toBe('I')
    })
  })

  test('waits for a lock as long as it may, and leaves no transaction behind', async ({ db }) => {
    await db.query('create table t (id int); create view v as select id from t')
    const other = await db.connect()
    await other.query('begin; lock table t in access exclusive mode')
    await withSession(db, async (session) => {
      const late = describeSchema(session, { ...all, local: { lockTimeoutMs: 50, role: undefined } })
      await expect(late).rejects.toMatchObject({ code: '55P03' })
      expect(session.client.getTransactionStatus()).toBe('I')
    })
  })
})

describe('another way to the server', () => {
  const serverOf = (db: Database) => {
    const { hostname, port, username, password } = new URL(db.url)
    return { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
  }

  test.skipIf(missing !== undefined)('through PgBouncer it is the same, and nothing stays behind', async ({ db }) => {
    await db.query(rich)
    const expected = await describeDatabase(db)
    await withPgBouncer('transaction', serverOf(db), async (port) => {
      const url = db.urlOf({ port })
      const local = { lockTimeoutMs: 1000, role: undefined }
      expect(await describeDatabase(db, url, { ...all, local })).toEqual(expected)
      const app = await db.connect(url)
      const left = await app.query(`select name from pg_settings where source = 'session'
        and name not in ('application_name', 'client_encoding')`)
      expect(left.rows).toEqual([])
    })
  })

  test('on a standby it is the same', async () => {
    await withServer({}, (server) =>
      withDatabase(server.url, async (db) => {
        await db.query(rich)
        await withStandby(server, {}, async (standby) => {
          await standby.untilCaughtUp(server)
          expect(await describeDatabase(db, standby.urlOf(db.url))).toEqual(await describeDatabase(db))
        })
      }),
    )
  }, 60_000)
})

test('a thousand tables are described in one message', async ({ db }) => {
  const table = (i: number) =>
    `create table app.t${i} (id bigint primary key, ${Array.from({ length: 9 }, (_, c) => `c${c} text not null default 'x'`).join(', ')});`
  await db.query('create schema app')
  for (let i = 0; i < 1000; i += 100) await db.query(Array.from({ length: 100 }, (_, j) => table(i + j)).join('\n'))
  const started = performance.now()
  const { objects } = await describeDatabase(db)
  expect(objects.filter(({ kind }) => kind === 'column').length).toBe(10_000)
  // Under a second where nothing else runs; this only finds what has become quadratic.
  expect(performance.now() - started).toBeLessThan(10_000)
})
