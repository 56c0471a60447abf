import { expect } from 'vitest'
import { test } from '../support/database.ts'
import { ownShadow, rehearseJson, shadowed } from '../support/rehearse.ts'

const before = {
  '001_app.sql': 'create table parent (id int primary key); create table t (id int primary key, a int);',
}

const up = (body: string, outside = false) =>
  `${outside ? 'export const transaction = false\n' : ''}export async function up(client) { ${body} }`

/** What up ends with for each, and what it says. */
const failing: readonly (readonly [files: Readonly<Record<string, string>>, exit: number, words: string])[] = [
  [{ '002_a.sql': 'alter table t add x int;', '002_a.verify.sql': 'select true;\nselect false as right;' }, 22, 'its assertion does not hold'],
  [{ '002_a.ts': up(`await client.query('select 1')`), '002_a.verify.sql': 'select false;' }, 22, 'its assertion does not hold'],
  [{ '002_a.sql': '-- upfront:no-transaction\nvacuum t;', '002_a.verify.sql': 'select 1 / 0;' }, 23, 'its assertion does not hold'],
  [{ '002_a.ts': up(`await client.query('select 1')`, true), '002_a.verify.sql': 'select null::bool;' }, 23, 'its assertion does not hold'],
  [{ '002_a.ts': up(`await client.query('create table x ()'); await client.query('commit')`) }, 23, 'ended our transaction'],
  [{ '002_a.ts': up(`await client.query('rollback'); await client.query('begin')`) }, 23, 'ended our transaction'],
  [{ '002_a.ts': up(`await client.query('begin')`, true) }, 23, 'it left a transaction open'],
  [{ '002_a.sql': 'create table x (); set transaction read only;' }, 22, '25006'],
  [{ '002_a.ts': up(`await client.query('alter table t add foreign key (a) references parent deferrable initially deferred'); await client.query('insert into t values (1, 1)')`) }, 22, '23503'],
  [{ '002_a.sql': `-- upfront:no-transaction\nset statement_timeout = '50ms';\nselect pg_sleep(1);` }, 23, '57014'],
] // prettier-ignore

test('where up fails rehearse does, with the code that up ends with', async ({ db }) => {
  db.files(before)
  await db.up()
  for (const [i, [given, exit, words]] of failing.entries()) {
    // A process loads a module once.
    const files = Object.fromEntries(Object.entries(given).map(([name, text]) => [name.replace('_a', `_a${i}`), text]))
    db.files({ ...before, ...files })
    const { outcome, failed, verdicts } = await rehearseJson(db, [], 22)
    expect(failed!.exit, JSON.stringify(files)).toBe(exit)
    expect(outcome.stderr).toContain(`up would end with ${exit}`)
    expect(outcome.stderr).toContain(words)
    expect(verdicts[0]!.level).toBe('danger')
  }
  // So does up, where it leaves nothing that would be in the way of the next one.
  for (const [files, exit] of failing.slice(0, 2)) {
    db.files({ ...before, ...files })
    expect((await db.up()).exitCode).toBe(exit)
  }
}, 60_000)

test('an assertion sees what its migration has done and set, leaves nothing, and is not asked again for what is applied', async ({
  db,
}) => {
  const files = {
    '001_app.sql': 'create table t (id int);',
    '001_app.verify.sql': 'select not exists (select from t);',
    '002_a.sql': `set local search_path = pg_catalog; alter table public.t add x int;`,
    '002_a.verify.sql': `create temp table seen (); select current_schema() = 'pg_catalog', exists (select x from public.t) is false;`,
  }
  db.files({ '001_app.sql': files['001_app.sql'], '001_app.verify.sql': files['001_app.verify.sql'] })
  expect((await db.up()).exitCode).toBe(0)
  await db.query('insert into t values (1)')
  db.files({ ...files, '001_app.verify.sql': 'select exists (select from t);', '002_a.verify.sql': files['002_a.verify.sql'] }) // prettier-ignore
  expect((await rehearseJson(db)).migrations.map(({ name }) => name)).toEqual(['002_a'])
  db.files({ ...files, '002_a.verify.sql': 'select exists (select from public.t);' })
  const shadow = await rehearseJson(db, [], 22)
  expect(shadow.outcome.stderr).toContain('which the shadow has none of: try --clone or --on-target')
  expect(shadow.migrations[0]!.failed).toEqual({ statement: null, line: null })
  expect((await rehearseJson(db, ['--on-target'])).failed).toBeNull()
})

test('who watches may be ended: the rehearsal says so, and leaves nothing', async ({ db }) => {
  db.files({ '001_a.sql': '-- upfront:no-transaction\ndo $$ begin commit; perform pg_sleep(3); end $$;' })
  const shadow = await ownShadow(db)
  const child = db.spawn(['rehearse'], shadow.env)
  const others = `from pg_stat_activity where datname like 'upfront_scratch_${db.name}%' and wait_event`
  await expect.poll(() => db.query(`select 1 ${others} = 'PgSleep'`), { timeout: 10_000 }).toHaveLength(1)
  await db.query(`select pg_terminate_backend(pid) ${others} is distinct from 'PgSleep'`)
  const { exitCode, stderr } = await child.ended
  expect(exitCode, stderr).toBe(32)
  expect(stderr).toContain('LOST')
  expect(await shadow.databases()).toEqual([])
}, 30_000)

test('what the encoding of the target lacks fails on the shadow too, whose server has another', async ({ db }) => {
  for (const encoding of ['LATIN1', 'SQL_ASCII']) {
    const name = `${db.name}_${encoding.toLowerCase()}`
    const admin = await db.connect(db.urlOf({ database: 'postgres' }))
    await admin.query(`create database ${name} template template0 encoding '${encoding}' locale 'C'`)
    const env = { ...shadowed(db), UPFRONT_DATABASE_URL: db.urlOf({ database: name }) }
    db.files({ '001_t.sql': `create table t (x text); insert into t values ('é');` })
    const good = await db.run(['rehearse'], env)
    expect(good.exitCode, good.stderr).toBe(0)
    db.files({ '001_t.sql': `create table t (x text);\ninsert into t values ('\u{1F389}');` })
    const { exitCode, stderr } = await db.run(['rehearse'], env)
    const up = await db.run(['up'], env)
    expect(exitCode, stderr).toBe(up.exitCode)
    expect(exitCode).toBe(encoding === 'LATIN1' ? 22 : 0)
    if (encoding === 'LATIN1') expect(stderr).toContain('22P05')
    await admin.query(`drop database ${name} with (force)`)
  }
})

test('what code of the database sets is gone for the next of those that share a message, and behind them', async ({
  db,
}) => {
  db.files(before)
  await db.up()
  db.files({
    ...before,
    '002_a.sql': `create function g() returns int language plpgsql as $$ begin perform set_config('search_path', 'pg_catalog', false); return 1; end $$;`,
    '003_b.sql': 'create table d (x int default g());',
    '004_c.sql': 'insert into d default values;',
    '005_d.sql': 'insert into d default values;',
    '006_e.sql': 'create table e (id int);',
    '007_f.sql': 'insert into d default values;',
    '008_g.sql': `set statement_timeout = 0; insert into d default values;`,
  })
  const { migrations } = await rehearseJson(db)
  expect(migrations).toHaveLength(7)
  expect((await db.up()).exitCode).toBe(0)
})
