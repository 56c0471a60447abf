import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const users = 'create table users (id int primary key)'

test('a SQL error in the middle of a file: nothing of it is left, earlier ones are kept, later ones are not run', async ({
  db,
}) => {
  db.files({
    '001_users.sql': users,
    '002_posts.sql':
      'create table posts (id int);\n\nalter table nowhere add column x int;\ncreate table after (id int);\n',
    '003_tags.sql': 'create table tags (id int)',
    '004_more.sql': 'create table more (id int)',
  })

  const { exitCode, stderr } = await db.up()

  expect(exitCode).toBe(22)
  expect(stderr).toContain(
    'error          migration 002_posts failed and was rolled back; nothing of it remains (FAILED, exit 22)',
  )
  expect(stderr).toContain(`migrations/002_posts.sql:3:`)
  expect(stderr).toContain('3 | alter table nowhere add column x int;')
  expect(stderr).toContain('ERROR 42P01: relation "nowhere" does not exist')
  expect(stderr).toMatch(/next: .+/)
  expect(stderr).toContain('applied: 001_users\n')
  expect(stderr).toContain('not run: 003_tags, 004_more\n')
  expect(stderr).not.toContain('applied        002_posts')
  expect(stderr.trimEnd().split('\n').at(-1)).toBe(
    'failed         22 FAILED: migration 002_posts failed and was rolled back; nothing of it remains; 1 applied, 2 not run',
  )
  expect(await db.tables()).toEqual(['public.users'])
  expect(await db.history()).toEqual(['migration 001_users applied'])
  expect(await db.query('select outcome, failed from upfront.runs')).toEqual([
    { outcome: 'failed', failed: '002_posts' },
  ])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('the mended file and those after it are applied by the next run', async ({ db }) => {
  db.files({
    '001_users.sql': users,
    '002_posts.sql': 'select * from nowhere',
    '003_tags.sql': 'create table tags (id int)',
  })
  expect((await db.up()).exitCode).toBe(22)
  expect((await db.up()).exitCode).toBe(22)

  db.files({
    '001_users.sql': users,
    '002_posts.sql': 'create table posts (id int)',
    '003_tags.sql': 'create table tags (id int)',
  })
  const { exitCode, applied } = await db.up()

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['002_posts', '003_tags'])
  expect((await db.up()).stderr).toContain('up to date     3 migrations')
})

/** The place of the error that a file makes. */
async function placeOf(db: Database, sql: string) {
  db.files({ '001_first.sql': 'create table numbers (n int check (n < 100))', '002_bad.sql': sql })
  const { exitCode, events, applied } = await db.upJson()
  const failed = events.at(-1)!
  expect({ exitCode, applied, event: failed.event }).toEqual({ exitCode: 22, applied: ['001_first'], event: 'failed' })
  expect(await db.tables()).toEqual(['public.numbers'])
  expect(failed).toMatchObject({ not_run: [] })
  return failed as unknown as {
    place: { line: number; column: number; text: string }
    sqlstate: string
    reason: string
  }
}

test('the place of an error counts characters: an emoji before it is one', async ({ db }) => {
  const { place } = await placeOf(db, `select '🎉🎉 é', wrong from numbers`)
  expect(place).toMatchObject({ line: 1, column: 16, text: `select '🎉🎉 é', wrong from numbers` })
})

test('the place of an error after emoji on earlier lines, tabs and CRLF', async ({ db }) => {
  const { place } = await placeOf(db, `-- 🎉 é\r\nselect 1;\r\n\tselect\t'𝒳',\twrong\tfrom numbers;\r\n`)
  expect(place).toMatchObject({ line: 3, column: 14, text: `\tselect\t'𝒳',\twrong\tfrom numbers;` })
})

test('the caret stands below the error in the log for people, tabs or not', async ({ db }) => {
  db.files({ '001_bad.sql': `select 1;\n\tselect '🎉', wrong;\n` })
  const lines = (await db.up()).stderr.split('\n')
  const shown = lines.findIndex((line) => line.includes('| '))
  expect(lines[shown]).toContain(`select '🎉', wrong;`)
  const [line, caret] = [lines[shown]!, lines[shown + 1]!]
  // In characters: a terminal gives the emoji a place of its own.
  expect(caret.indexOf('^')).toBe(Array.from(line.slice(0, line.indexOf('wrong'))).length)
})

test('a run-time error has no position: its statement is counted, and its line is named', async ({ db }) => {
  const { place, sqlstate } = await placeOf(
    db,
    `insert into numbers values (1);\n-- the next one divides\n\nselect 1;\nselect n / (n - 1)\nfrom numbers;\nselect 2;\n`,
  )
  expect(sqlstate).toBe('22012')
  expect(place).toMatchObject({ line: 5, text: 'select n / (n - 1)' })
})

test('a run-time error after statements with semicolons in strings, bodies and comments', async ({ db }) => {
  const { place, sqlstate } = await placeOf(
    db,
    [
      `create function f() returns int language plpgsql as $$ begin return 1; end; $$;`,
      `/* one; two; /* three; */ */ select 'a;b', "x;y" from (select 1 as "x;y") as t;`,
      `create function g() returns int language sql begin atomic select 1; select 2; end;`,
      ``,
      `;;`,
      `  insert into numbers values (1000);`,
    ].join('\n'),
  )
  expect(sqlstate).toBe('23514')
  expect(place).toMatchObject({ line: 6, column: 3 })
})

test('a run-time error on the first and on the only statement', async ({ db }) => {
  expect((await placeOf(db, `select 1 / 0`)).place).toMatchObject({ line: 1, column: 1 })
})

test('an error inside a function body has the line of its statement and the words of PL/pgSQL', async ({ db }) => {
  db.files({ '001_do.sql': `select 1;\ndo $$\nbegin\n  perform 1 / 0;\nend $$;\n` })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('001_do.sql:2:1')
  expect(stderr).toContain('ERROR 22012: division by zero')
  expect(stderr).toMatch(/context: .*PL\/pgSQL function inline_code_block line 3/s)
})

test('detail and hint of Postgres are shown', async ({ db }) => {
  db.files({
    '001_do.sql': `do $$ begin raise exception 'no such luck' using detail = 'the dice', hint = 'roll again', errcode = 'UP001'; end $$`,
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('ERROR UP001: no such luck')
  expect(stderr).toContain('detail: the dice')
  expect(stderr).toContain('hint: roll again')
})

test('a constraint that is deferred fails at the commit: rolled back, not recorded, the constraint named', async ({
  db,
}) => {
  db.files({
    '001_a.sql': 'create table parent (id int primary key)',
    '002_b.sql': `create table child (id int, constraint child_has_parent foreign key (id) references parent initially deferred);
      insert into child values (7)`,
    '003_c.sql': 'select 1',
  })

  const { exitCode, stderr } = await db.up()

  expect(exitCode).toBe(22)
  expect(stderr).toContain('migration 002_b failed and was rolled back')
  expect(stderr).toContain('ERROR 23503')
  expect(stderr).toContain('child_has_parent')
  expect(stderr).toContain('detail: Key (id)=(7) is not present in table "parent"')
  expect(stderr).toContain('not run: 003_c')
  expect(await db.tables()).toEqual(['public.parent'])
  expect(await db.history()).toEqual(['migration 001_a applied'])
})

test('what only the catalog knows to be impossible in a transaction is refused with what to do', async ({ db }) => {
  db.files({
    '001_parts.sql': 'create table parts (id int primary key) partition by range (id)',
    '002_outside.sql': 'select 1;\nreindex table parts;\n',
  })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(22)
  expect(stderr).toContain('002_outside.sql:2:1')
  expect(stderr).toContain('ERROR 25001')
  expect(stderr).toMatch(/next: .*transaction/)
  expect(await db.history()).toEqual(['migration 001_parts applied'])
})

test('copy from stdin without data copies nothing, as psql does at the end of a file', async ({ db }) => {
  db.files({ '001_users.sql': users, '002_copy.sql': 'copy users from stdin;' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode, stderr).toBe(0)
  expect(await db.query('select * from users')).toEqual([])
})

test('a statement that takes longer than UPFRONT_STATEMENT_TIMEOUT is stopped, and the setting is named', async ({
  db,
}) => {
  db.files({ '001_slow.sql': 'create table t (id int);\nselect pg_sleep(5)' })
  const { exitCode, stderr } = await db.up([], { UPFRONT_STATEMENT_TIMEOUT: '100ms' })
  expect(exitCode).toBe(22)
  expect(stderr).toContain('001_slow.sql:2:1')
  expect(stderr).toContain('ERROR 57014: canceling statement due to statement timeout')
  expect(stderr).toContain('UPFRONT_STATEMENT_TIMEOUT')
  expect(await db.tables()).toEqual([])
})

test('notices of the server are shown with their migration, and a flood of them is cut', async ({ db }) => {
  db.files({
    '001_few.sql': `do $$ begin raise warning 'take care'; end $$`,
    '002_flood.sql': `do $$ begin for i in 1 .. 5000 loop raise notice 'number %', i; end loop; end $$`,
  })
  const { exitCode, events } = await db.upJson()
  expect(exitCode).toBe(0)
  const notices = events.filter(({ event }) => event === 'notice')
  expect(notices[0]).toMatchObject({ name: '001_few', severity: 'WARNING', level: 'warn', message: 'take care' })
  expect(notices.length).toBeLessThan(30)
  expect(notices.at(-1)!['message']).toBe('4980 more notices of the server are not shown')
})
