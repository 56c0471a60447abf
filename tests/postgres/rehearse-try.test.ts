import { test } from '../support/database.ts'
test('try', async ({ db }) => {
  db.files({
    '001_auth.sql': `create schema auth; create schema ingest; create table auth.users (id int primary key, email text);
create table ingest.events (id bigint primary key, at timestamptz not null, user_id int, kind int) partition by range (id);
create table ingest.e1 partition of ingest.events for values from (0) to (1000000);
create table ingest.log (id int, what text);`,
  })
  await db.up()
  await db.query(`create table ingest.e2 partition of ingest.events for values from (1000000) to (2000000)`)
  await db.query(`insert into ingest.events select i, now(), i, 1 from generate_series(1, 20000) i; insert into ingest.log select i, 'x' from generate_series(1, 5000) i; analyze`)
  db.files({
    '001_auth.sql': (await import('node:fs')).readFileSync(`${db.migrationsDir}/001_auth.sql`),
    '002_kind.sql': `alter table auth.users add column last_kind text;\nalter table ingest.events alter column kind type bigint;\nupdate auth.users set email = 'a';\n-- upfront:down\nselect 1;`,
    '003_index.sql': `create index concurrently log_what on ingest.log (what)`,
    '004_fk.sql': `alter table ingest.log add foreign key (id) references auth.users not valid; alter table ingest.log alter what set not null; create table new_one (id int primary key, u int references auth.users)`,
    '005_mixed.sql': `-- upfront:no-transaction\nalter type nothing add value 'x';`,
    '006_m.ts': `export async function up(c) { await c.query('create table m (id int)') }`,
  })
  const shadow = db.urlOf({ database: 'postgres' })
  for (const args of [['rehearse', '--large', '1MB', '--html', '/tmp/re.html'], ['rehearse', '--to', '004_fk', '--large', '1MB', '--markdown'], ['rehearse','--to','002_kind', '--on-target', '--large', '1MB'], ['rehearse', '--clone', '--to', '004_fk']]) {
    const out = await db.run(args, { UPFRONT_SHADOW_DATABASE_URL: shadow })
    console.log(args.join(' '), out.exitCode, '\n' + out.stdout, '\n' + out.stderr)
  }
  console.log(await db.query(`select datname from pg_database`))
}, 60000)
