// What a newcomer types first: one page, the exit code of up, and nothing is changed.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

type Env = Readonly<Record<string, string | undefined>>

const a = 'create table a (id bigint);\n'
const plain = { '001_a.sql': a, '002_b.sql': 'create table b (id bigint);\n' }
const lock = { 'migration_lock.toml': 'provider = "postgresql"\n' }
const prisma = { ...lock, '1_a/migration.sql': a, '2_b/migration.sql': 'create table b (id bigint);\n' }

/** The table of prisma as prisma makes it, with 1_a applied. */
async function prismaHasApplied(db: Database) {
  const hash = createHash('sha256').update(a).digest('hex')
  await db.query(`create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null,
      finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
      started_at timestamptz not null default now(), applied_steps_count integer not null default 0);
    insert into _prisma_migrations values ('1', '${hash}', now(), '1_a', null, null, now(), 1); ${a}`)
}

async function json(db: Database, env: Env = {}) {
  const { exitCode, stdout, stderr } = await db.run(['doctor', '--json'], env)
  expect(stdout, stderr).toMatch(/^\{/)
  return { exitCode, answer: JSON.parse(stdout) as { failures: { code: string; next?: string }[] } }
}

async function ordinary(db: Database): Promise<{ readonly user: string; readonly env: Env }> {
  const role = await db.role()
  return { user: role.user, env: { UPFRONT_DATABASE_URL: db.urlOf(role) } }
}

interface Case {
  readonly exit: number
  /** Makes the folder and the database; what it resolves with is set for both commands. */
  readonly given: (db: Database) => Promise<Env | void> | void
  /** What the page says. */
  readonly says: readonly (string | RegExp)[]
}

const cases: Readonly<Record<string, Case>> = {
  'an empty database': {
    exit: 0,
    given: (db) => db.files(plain),
    says: ['  history       none yet\n', '2 pending: 001_a, 002_b', 'apply 2 migrations\n'],
  },
  'half of it applied': {
    exit: 0,
    given: async (db) => {
      db.files(plain)
      await db.up(['--to', '001_a'])
    },
    says: ['upfront.history: 1 row\n', '1 applied\n', '1 pending: 002_b\n', 'apply 1 migration\n'],
  },
  'all of it applied': {
    exit: 0,
    given: async (db) => {
      db.files(plain)
      await db.up()
    },
    says: ['2 applied\n', 'find nothing to do\n'],
  },
  'a newer image was here': {
    exit: 0,
    given: async (db) => {
      db.files(plain)
      await db.up()
      db.files({ '001_a.sql': a })
    },
    says: ['1 of a newer image: 002_b', 'do nothing: a newer image was here'],
  },
  'a mistake in a pending file': {
    exit: 20,
    given: (db) => db.files({ ...plain, '003_c.sql': 'create tabl c' }),
    says: [/refused +1 syntax +migrations\/003_c\.sql:1:8\n/, '20 INVALID', '1 | create tabl c', 'next: Mend it'],
  },
  'a mistake in a file that has run': {
    exit: 0,
    given: async (db) => {
      db.files({ '001_a.sql': 'select 1;\n' })
      await db.up()
      db.files({ '001_a.sql': 'create tabl c;\n' })
      await db.run(['repair', '--accept', '001_a', '--reason', 'a test'])
    },
    says: [/refused +1 syntax/, 'upfront compile refuses 1 finding', 'find nothing to do'],
  },
  'a file was changed after it was applied': {
    exit: 21,
    given: async (db) => {
      db.files(plain)
      await db.up()
      db.files({ ...plain, '001_a.sql': 'create table a (id text);\n', '003_c.sql': 'select 1' })
    },
    says: ['1 changed after it was applied: 001_a', 'upfront repair --accept 001_a'],
  },
  'what prisma has applied is to be adopted': {
    exit: 0,
    given: async (db) => {
      db.files(prisma)
      await prismaHasApplied(db)
    },
    says: [
      'prisma, by migration_lock.toml',
      'public._prisma_migrations of prisma: 1 row',
      '1 to adopt from prisma: 1_a',
      '1 pending: 2_b',
      'record 1 as applied, because another tool has, apply 1 migration',
      'ENV UPFRONT_FORMAT=prisma',
    ],
  },
  'a file was edited after prisma applied it': {
    exit: 21,
    given: async (db) => {
      db.files({ ...prisma, '1_a/migration.sql': 'create table a (id text);\n' })
      await prismaHasApplied(db)
    },
    says: ['1 edited after prisma applied it: 1_a', 'next: Restore the edited files.'],
  },
  'a history of prisma that nobody has asked for': {
    exit: 21,
    given: async (db) => {
      db.files(plain)
      await prismaHasApplied(db)
    },
    says: ['public._prisma_migrations of prisma: 1 row', 'set UPFRONT_FORMAT=prisma'],
  },
  'a history of prisma, and a folder that looks like one of golang-migrate': {
    exit: 21,
    given: async (db) => {
      db.files({ '1_a.up.sql': a, '1_a.down.sql': 'drop table a;' })
      await prismaHasApplied(db)
    },
    says: ['public._prisma_migrations of prisma: 1 row', 'set UPFRONT_FORMAT=prisma'],
  },
  'a history of prisma, and files that would be judged otherwise in a folder of prisma': {
    exit: 21,
    given: async (db) => {
      db.files({ '1_a.sql': `create table a${'a'.repeat(70)} (id bigint);` })
      await prismaHasApplied(db)
    },
    says: ['would         end with 21 MISMATCH', 'set UPFRONT_FORMAT=prisma'],
  },
  'a name that Postgres cuts, in a folder that may be another tool’s': {
    exit: 20,
    given: (db) => db.files({ '1_a.sql': `create table a${'a'.repeat(70)} (id bigint);` }),
    says: ['has 71 bytes', 'If another tool writes this folder, say which'],
  },
  'a database that somebody has filled': {
    exit: 21,
    given: async (db) => {
      db.files(plain)
      await db.query(a)
    },
    says: ['upfront baseline --to 001_a'],
  },
  'nobody can tell whose folder it is': {
    exit: 20,
    given: (db) => db.files({ ...prisma, 'meta/_journal.json': '{}' }),
    says: ['drizzle? by meta/_journal.json', 'prisma? by migration_lock.toml', 'next: Say whose it is'],
  },
  'a role without rights': {
    exit: 24,
    given: async (db) => {
      db.files(plain)
      return (await ordinary(db)).env
    },
    says: [/missing: create on the database/, /next: .*grant create on database/],
  },
  'a role that may not read our history': {
    exit: 24,
    given: async (db) => {
      db.files(plain)
      await db.up()
      db.files({ ...plain, '003_c.sql': 'select 1' })
      return (await ordinary(db)).env
    },
    says: [
      'history       may not be read',
      'missing: usage on the schema "upfront"',
      /grant select, insert, update on/,
    ],
  },
  'a role that may only read our history, and nothing is pending': {
    exit: 0,
    given: async (db) => {
      db.files(plain)
      await db.up()
      const { user, env } = await ordinary(db)
      await db.query(
        `grant usage on schema upfront to ${user}; grant select on all tables in schema upfront to ${user}`,
      )
      return env
    },
    says: ['missing: insert, update on "upfront".history', 'find nothing to do'],
  },
  'a role that may not read the history of prisma': {
    exit: 24,
    given: async (db) => {
      db.files(prisma)
      await prismaHasApplied(db)
      return (await ordinary(db)).env
    },
    says: [/grant select on public\._prisma_migrations to/],
  },
  'a role that may create nothing in public': {
    exit: 22,
    given: async (db) => {
      db.files(plain)
      const { user, env } = await ordinary(db)
      await db.query(`revoke create on schema public from public; grant create on database ${db.name} to ${user}`)
      return env
    },
    says: ['22 FAILED', '001_a creates a', 'next: As the owner of the schema: grant create on schema "public"'],
  },
  'a database that is read only': {
    exit: 25,
    given: async (db) => {
      db.files(plain)
      await db.query(`alter database ${db.name} set default_transaction_read_only = on`)
    },
    says: ['the database is read only', 'next: Make it writable'],
  },
  'a module that stopped half way': {
    exit: 23,
    given: async (db) => {
      db.files({
        '001_m.ts': 'export const transaction = false\nexport async function up() { throw new Error("no") }\n',
      })
      await db.up()
    },
    says: ['1 stopped half way: 001_m', 'upfront repair --done 001_m'],
  },
  'a database that does not exist': {
    exit: 24,
    given: (db) => {
      db.files(plain)
      return { UPFRONT_DATABASE_URL: db.urlOf({ database: `${db.name}_none` }) } as never
    },
    says: ['no session, see below', '3D000', 'UPFRONT_CREATE_DATABASE=true'],
  },
  'no server': {
    exit: 30,
    given: (db) => {
      db.files(plain)
      return { UPFRONT_DATABASE_URL: db.urlOf({ port: 1 }), UPFRONT_WAIT_TIMEOUT: '300ms' } as never
    },
    says: ['no session, see below', '30 NOT_READY', 'ECONNREFUSED', 'RUN ["upfront", "compile", "--out", "/bundle"]'],
  },
}

describe('doctor says beforehand what up ends with, and has changed nothing', () => {
  test.for(Object.entries(cases))('%s', async ([, { exit, given, says }], { db }) => {
    const env = (await given(db)) ?? {}
    const before = [await db.history(), await db.tables()]
    const { exitCode, stdout, stderr } = await db.run(['doctor'], env)
    for (const text of says) expect(stdout).toMatch(typeof text === 'string' ? new RegExp(escape(text)) : text)
    expect(exitCode, stdout + stderr).toBe(exit)
    expect([await db.history(), await db.tables()]).toEqual(before)
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })

    const { exitCode: asData, answer } = await json(db, env)
    expect(asData).toBe(exit)
    expect(answer).toMatchObject({ ok: exit === 0, exit_code: exit })
    for (const failure of answer.failures) expect(failure).toHaveProperty(failure.code === 'INVALID' ? 'code' : 'next')

    const up = await db.up([], env)
    expect(up.exitCode, up.stderr).toBe(exit)
  })
})

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

test('the lock of a runner at work is not waited for', async ({ db }) => {
  db.files(plain)
  const holder = await db.connect()
  await holder.query(
    `select pg_advisory_lock(('x' || substr(encode(sha256('upfront:upfront'), 'hex'), 1, 16))::bit(64)::bigint)`,
  )
  const begun = performance.now()
  expect((await db.run(['doctor'])).exitCode).toBe(0)
  expect(performance.now() - begun).toBeLessThan(5_000)
})

test('without a database the folder is told all the same, and that is no failure', async ({ db }) => {
  db.files(plain)
  const { exitCode, stdout } = await db.run(['doctor'], { UPFRONT_DATABASE_URL: undefined })
  expect(exitCode).toBe(0)
  expect(stdout).toContain('migrations: 2\n')
  expect(stdout).toMatch(/target +no database is named\n +next: set DATABASE_URL/)
  expect(stdout).toContain('COPY migrations /migrations\n')
  db.files({ '001_a.sql': 'create tabl a' })
  expect((await db.run(['doctor'], { UPFRONT_DATABASE_URL: undefined })).exitCode).toBe(20)
})

test('a server that does not answer is waited for some seconds, unless somebody has said how long', async ({ db }) => {
  db.files(plain)
  const begun = performance.now()
  const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: 1 }), UPFRONT_WAIT_TIMEOUT: undefined }
  const { exitCode, stdout } = await db.run(['doctor'], env)
  expect(exitCode).toBe(30)
  expect(stdout).toContain('was not ready within 5 s')
  expect(performance.now() - begun).toBeLessThan(8_000)
}, 15_000)

test('no secret is in the answer or the log', async ({ db }) => {
  db.files({ '001_a.sql': `select 'open-sesame' from` })
  const { user } = await ordinary(db)
  const env = { UPFRONT_DATABASE_URL: db.urlOf({ user, password: 'open-sesame' }) }
  for (const flags of [[], ['--json']]) {
    const { exitCode, stdout, stderr } = await db.run(['doctor', ...flags], env)
    // As up: the files are looked at when the database is known.
    expect(exitCode).toBe(24)
    expect(stdout).toContain('syntax')
    expect(stdout + stderr).not.toContain('open-sesame')
  }
})

test('a bundle is told as one, and one that is damaged is 20', async ({ db }) => {
  db.files(prisma)
  db.seeds({ '010_a.sql': 'select 1' })
  expect((await db.run(['compile', '--out', 'bundle'])).exitCode).toBe(0)
  const dir = join(db.dir, 'bundle/migrations')
  const env = { UPFRONT_MIGRATIONS_DIR: dir, UPFRONT_SEEDS_DIR: join(db.dir, 'bundle/seeds') }
  const { exitCode, stdout } = await db.run(['doctor'], env)
  expect(exitCode).toBe(0)
  expect(stdout).toContain('bundle/migrations: 2, compiled\n')
  expect(stdout).toContain('prisma, as its manifest.json says')
  expect(stdout).toContain('FROM upfront\n  COPY bundle/migrations /migrations\n  COPY bundle/seeds /seeds\n')
  const file = join(dir, '2_b.sql')
  writeFileSync(file, readFileSync(file, 'utf8').replace('bigint', 'int'))
  const damaged = await db.run(['doctor'], env)
  expect(damaged.exitCode, damaged.stdout).toBe(20)
  expect((await db.up([], env)).exitCode).toBe(20)
})

test('where no folder is, the usual places are looked at', async ({ db }) => {
  db.files({})
  const dir = join(db.dir, 'prisma')
  const env = { UPFRONT_MIGRATIONS_DIR: join(db.dir, 'elsewhere') }
  db.files(prisma)
  const { renameSync, mkdirSync } = await import('node:fs')
  mkdirSync(dir)
  renameSync(db.migrationsDir, join(dir, 'migrations'))
  const { exitCode, stdout } = await db.run(['doctor'], env)
  expect(exitCode).toBe(20)
  expect(stdout).toContain('elsewhere: there is no such folder\n')
  expect(stdout).toContain(
    'prisma/migrations has 2 migrations of prisma: upfront doctor --migrations-dir prisma/migrations',
  )
})
