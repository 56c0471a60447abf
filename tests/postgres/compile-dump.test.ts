// What pg_dump writes, and files that come with a transaction of their own: from the folder and from a bundle.
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const dump = `--
-- PostgreSQL database dump
--

\\restrict vLx0SCRgVmMdEHlZAVTbUAXHEmVmm0XzDUxkAQAKxlfXbk5OLzpVKJIRCaYgZK6

-- Dumped from database version 16.10

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;

CREATE FUNCTION public.broken() RETURNS integer
    LANGUAGE plpgsql
    AS $$ begin retrun 1; end $$;

SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE public.people (
    id bigint NOT NULL,
    name text
);

COPY public.people (id, name) FROM stdin;
1	é 🎉; it's
2	\\N
3	a\\tb\\\\c
\\.

COPY public.people (id, name) FROM stdin;
\\.

SELECT pg_catalog.setval('public.people_id_seq', 3, true) WHERE false;

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id);

\\unrestrict vLx0SCRgVmMdEHlZAVTbUAXHEmVmm0XzDUxkAQAKxlfXbk5OLzpVKJIRCaYgZK6
`

const migrations = {
  '1_dump.sql': dump.replace(/^SELECT pg_catalog.setval.*\n/m, ''),
  '2_own_transaction.sql': `begin;\ninsert into people values (4, 'four');\nsavepoint a;\ninsert into people values (5, 'five');\nrollback to a;\ncommit;\n`,
  '3_after.sql': 'insert into people select max(id) + 1, null from people',
}

async function bundle(db: Database): Promise<Record<string, string>> {
  const { exitCode, stderr } = await db.run(['compile', '--out', 'bundle'])
  expect(exitCode, stderr).toBe(0)
  return { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'bundle/migrations') }
}

test.for(['folder', 'bundle'])('a dump with data is applied from a %s as psql would apply it', async (from, { db }) => {
  db.files(migrations)
  const { exitCode, applied, stderr } = await db.up([], from === 'bundle' ? await bundle(db) : {})
  expect(exitCode, stderr).toBe(0)
  expect(applied).toEqual(['1_dump', '2_own_transaction', '3_after'])
  expect(await db.query('select id::int, name from people order by id')).toEqual([
    { id: 1, name: `é 🎉; it's` },
    { id: 2, name: null },
    { id: 3, name: 'a\tb\\c' },
    { id: 4, name: 'four' },
    { id: 5, name: null },
  ])
})

test.for(['folder', 'bundle'])('an error behind data and blanks has its place, from a %s', async (from, { db }) => {
  const text = `${migrations['1_dump.sql']}\n\tselect '🎉', 1 / 0;\n`
  db.files({ '1_dump.sql': text })
  const { exitCode, stderr } = await db.up([], from === 'bundle' ? await bundle(db) : {})
  expect(exitCode).toBe(22)
  expect(stderr).toContain(`1_dump.sql:${text.trimEnd().split('\n').length}:`)
  expect(stderr).toContain('division by zero')
  expect(await db.tables()).toEqual([])
})

test('data that do not fit are told as what they are, and nothing remains', async ({ db }) => {
  db.files({ '1_a.sql': 'create table t (a int);\ncopy t from stdin;\n1\nx\n\\.\nselect 1;\n' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('invalid input syntax for type integer')
  expect(stderr).toContain('1_a.sql:2:1')
  expect(await db.tables()).toEqual([])
})
