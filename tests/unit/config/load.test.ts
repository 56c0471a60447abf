import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Config } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { Failure } from '../../../src/errors.ts'
import type { Io } from '../../../src/io.ts'

let cwd: string

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'upfront-config-'))
})

afterEach(async () => {
  await rm(cwd, { recursive: true })
})

const url = 'postgres://me:sesame@db/app'

interface World {
  readonly env?: Record<string, string>
  readonly flags?: Record<string, string>
  readonly dotenv?: string
  readonly database?: boolean
}

async function load(world: World): Promise<Config> {
  if (world.dotenv !== undefined) await writeFile(join(cwd, '.env'), world.dotenv)
  const output = { write: () => expect.unreachable('the configuration writes nothing') }
  const io: Io = {
    argv: [],
    env: world.env ?? {},
    cwd,
    stdout: output,
    stderr: output,
    signal: new AbortController().signal,
    hostname: 'test',
  }
  return loadConfig(io, world.flags ?? {}, { database: world.database ?? false })
}

async function problemsOf(world: World): Promise<string[]> {
  try {
    await load(world)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    expect(error.code).toBe('USAGE')
    return (error.facts.problems ?? []).map(({ what }) => what)
  }
  return []
}

async function secretFile(content: string): Promise<string> {
  const path = join(cwd, 'secret')
  await writeFile(path, content)
  return path
}

test('with nothing set every setting has its default', async () => {
  expect(await load({})).toEqual({
    target: null,
    unnamed: null,
    migrationsDir: join(cwd, 'migrations'),
    seedsDir: join(cwd, 'seeds'),
    seed: null,
    environment: 'production',
    format: 'auto',
    adopt: null,
    writeBack: false,
    placeholders: {},
    schema: 'upfront',
    tenant: false,
    leaseSchema: 'upfront',
    fleet: { query: null, file: null, schemas: null, ledger: null, shards: 1, shard: 0, parallel: 4, connections: 20 },
    waitTimeoutMs: 60_000,
    authGraceMs: 5000,
    lockWaitMs: 600_000,
    lockTimeoutMs: 5000,
    lockRetryMs: 120_000,
    statementTimeoutMs: 0,
    deadlineMs: 0,
    outOfOrder: 'auto',
    missing: 'error',
    invalidIndexes: 'fail',
    appVersion: null,
    appPatterns: [],
    leaseTtlMs: 60_000,
    contractGraceMs: 0,
    createDatabase: false,
    contract: 'defer',
    verify: 'warn',
    comparing: { exclude: [], also: [] },
    shadow: null,
    logFormat: 'text',
    logLevel: 'info',
    logDetail: 'on',
    terminationLog: '/dev/termination-log',
    secrets: [],
    warnings: [],
  } satisfies Config)
})

test('in the image the folders are at the root', async () => {
  const { migrationsDir, seedsDir, warnings } = await load({ env: { UPFRONT_IMAGE: '1.2.3' } })
  expect([migrationsDir, seedsDir, warnings]).toEqual(['/migrations', '/seeds', []])
})

test('every setting can be set', async () => {
  const env = {
    UPFRONT_MIGRATIONS_DIR: 'db/migrations',
    UPFRONT_SEEDS_DIR: '/elsewhere/seeds',
    UPFRONT_SEED: 'demo',
    UPFRONT_ENV: 'staging',
    UPFRONT_FORMAT: 'plain',
    UPFRONT_SCHEMA: 'My Schema',
    UPFRONT_WAIT_TIMEOUT: '1ms',
    UPFRONT_AUTH_GRACE: '2ms',
    UPFRONT_LOCK_WAIT: '3ms',
    UPFRONT_LOCK_TIMEOUT: '4ms',
    UPFRONT_LOCK_RETRY: '5ms',
    UPFRONT_STATEMENT_TIMEOUT: '6ms',
    UPFRONT_DEADLINE: '7ms',
    UPFRONT_OUT_OF_ORDER: 'apply',
    UPFRONT_INVALID_INDEXES: 'drop',
    UPFRONT_CREATE_DATABASE: 'true',
    UPFRONT_LOG_FORMAT: 'json',
    UPFRONT_LOG_LEVEL: 'debug',
    UPFRONT_TERMINATION_LOG: 'last-words',
  }
  const expected = {
    migrationsDir: join(cwd, 'db/migrations'),
    seedsDir: '/elsewhere/seeds',
    seed: 'demo',
    environment: 'staging',
    format: 'plain',
    schema: 'My Schema',
    waitTimeoutMs: 1,
    authGraceMs: 2,
    lockWaitMs: 3,
    lockTimeoutMs: 4,
    lockRetryMs: 5,
    statementTimeoutMs: 6,
    deadlineMs: 7,
    outOfOrder: 'apply',
    invalidIndexes: 'drop',
    createDatabase: true,
    logFormat: 'json',
    logLevel: 'debug',
    terminationLog: join(cwd, 'last-words'),
  }
  expect(await load({ env })).toMatchObject(expected)
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
  expect(await load({ dotenv: lines.join('') })).toMatchObject(expected)
  const flags = Object.entries(env).map(([name, value]) => [name.slice(8).toLowerCase().replaceAll('_', '-'), value])
  expect(await load({ flags: Object.fromEntries(flags) })).toMatchObject(expected)
})

test('flags beat the environment, which beats .env', async () => {
  const world = { env: { UPFRONT_SEED: 'b' }, dotenv: 'UPFRONT_SEED=c\nUPFRONT_ENV=dev' }
  expect(await load({ ...world, flags: { seed: 'a' } })).toMatchObject({ seed: 'a', environment: 'dev' })
  expect(await load(world)).toMatchObject({ seed: 'b' })
  expect(await load({ dotenv: world.dotenv })).toMatchObject({ seed: 'c' })
})

test('an empty variable counts as unset, an empty flag does not', async () => {
  const env = { UPFRONT_WAIT_TIMEOUT: '', UPFRONT_SEED: '', UPFRONT_SEED_FILE: '', UPFRONT_WAIT_TIMOUT: '' }
  expect(await load({ env })).toMatchObject({ waitTimeoutMs: 60_000, seed: null, warnings: [] })
  expect(await load({ env, dotenv: 'UPFRONT_SEED=demo' })).toMatchObject({ seed: 'demo' })
  expect(await problemsOf({ flags: { seed: '' } })).toEqual(['--seed: is empty; expected a text'])
})

test('the configuration is frozen to the bottom', async () => {
  const config = await load({ env: { DATABASE_URL: url }, database: true })
  const parts = [config, config.target, config.target?.hosts, config.target?.hosts[0], config.target?.tls]
  // The secrets grow when a credential is read again.
  for (const part of [...parts, config.warnings]) expect(Object.isFrozen(part)).toBe(true)
})

test.each([
  ['UPFRONT_WAIT_TIMEOUT', '30', '"30" has no unit, did you mean 30s?'],
  ['UPFRONT_WAIT_TIMEOUT', 'soon', '"soon" is not a duration; expected a duration like 500ms, 30s'],
  ['UPFRONT_DEADLINE', '30s\r', '"30s\\r" is not a duration'],
  ['UPFRONT_OUT_OF_ORDER', 'aply', '"aply" is not one of auto, error, apply; did you mean apply?'],
  ['UPFRONT_LOG_LEVEL', 'trace', '"trace" is not one of warn, info, debug'],
  ['UPFRONT_CREATE_DATABASE', 'maybe', '"maybe" is neither true nor false'],
  ['UPFRONT_SEED', 'a/b', 'is not a plain folder name'],
  ['UPFRONT_SEED', 'a\\b', 'is not a plain folder name'],
  ['UPFRONT_SEED', '..', 'is not a plain folder name'],
  ['UPFRONT_SEED', '.', 'is not a plain folder name'],
  ['UPFRONT_SEED', 'demo ', 'white space'],
  ['UPFRONT_SCHEMA', 'x'.repeat(64), 'has 64 bytes; expected at most 63'],
  ['UPFRONT_SCHEMA', 'ä'.repeat(32), 'has 64 bytes; expected at most 63'],
  ['UPFRONT_SCHEMA', 'pg_upfront', 'reserved'],
  ['UPFRONT_SCHEMA', 'information_schema', 'reserved'],
  ['UPFRONT_SCHEMA', ' ', 'white space'],
  ['UPFRONT_MIGRATIONS_DIR', '/a\nb', 'control character'],
])('%s=%j is a problem that says what is expected', async (name, value, expected) => {
  const problems = await problemsOf({ env: { [name]: value } })
  expect(problems).toEqual([expect.stringContaining(expected)])
  expect(problems[0]).toMatch(new RegExp(`^${name}: `))
})

test.each(['true', 'TRUE', '1', 'yes', 'on'])('a boolean may be written %s', async (value) => {
  expect(await load({ env: { UPFRONT_CREATE_DATABASE: value } })).toMatchObject({ createDatabase: true })
})

test('all problems come at once, each with where it comes from', async () => {
  const failure = await load({
    env: { UPFRONT_SEED: '..', UPFRONT_WAIT_TIMOUT: '5s', DATABASE_URL: 'mysql://u:sesame@h/db' },
    flags: { 'lock-wait': '10', 'bogus-flag': 'x' },
    dotenv: 'UPFRONT_OUT_OF_ORDER=no\nUPFRONT_LOG_FORMATT=json',
    database: true,
  }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'USAGE', exitCode: 2, message: 'the configuration has 7 problems' })
  const problems = (failure as Failure).facts.problems?.map(({ what }) => what) ?? []
  expect(problems.map((what) => what.slice(0, what.indexOf(':')))).toEqual([
    '--bogus-flag',
    'UPFRONT_WAIT_TIMOUT',
    'UPFRONT_LOG_FORMATT (.env)',
    'UPFRONT_SEED',
    '--lock-wait',
    'UPFRONT_OUT_OF_ORDER (.env)',
    'DATABASE_URL',
  ])
  expect(JSON.stringify(problems)).not.toContain('sesame')
})

test('a connection string put into another setting is not shown', async () => {
  const problems = await problemsOf({ env: { UPFRONT_SEED: url, UPFRONT_WAIT_TIMEOUT: url } })
  expect(problems).toHaveLength(2)
  expect(problems.join()).not.toContain('sesame')
})

test.each([
  ['UPFRONT_WAIT_TIMOUT', 'UPFRONT_WAIT_TIMEOUT'],
  ['UPFRONT_WAITTIMEOUT', 'UPFRONT_WAIT_TIMEOUT'],
  ['UPFRONT_SEEDS', 'UPFRONT_SEED'],
  ['UPFRONT_SEED_DIR', 'UPFRONT_SEEDS_DIR'],
  ['UPFRONT_MIGRATION_DIR', 'UPFRONT_MIGRATIONS_DIR'],
  ['UPFRONT_DATABASE_URI', 'UPFRONT_DATABASE_URL'],
  ['UPFRONT_DATABSE_URL_FILE', 'UPFRONT_DATABASE_URL_FILE'],
  ['UPFRONT_SCHEMA_FIL', 'UPFRONT_SCHEMA_FILE'],
  ['UPFRNT_SCHEMA', 'UPFRONT_SCHEMA'],
  ['UPFRONT_Schema', 'UPFRONT_SCHEMA'],
])('%s is a problem: %s was meant', async (name, meant) => {
  const expected = `is not a setting; did you mean ${meant}?`
  expect(await problemsOf({ env: { [name]: 'x' } })).toEqual([`${name}: ${expected}`])
  expect(await problemsOf({ dotenv: `${name}=x` })).toEqual([`${name} (.env): ${expected}`])
})

test.each(['UPFRONT_COLOUR', 'UPFRONT_URL', 'UPFRONT_DB', 'UPFRONT_IMAGES', 'UPFRONT_'])(
  '%s is only a warning',
  async (name) => {
    const { warnings } = await load({ env: { [name]: 'x' } })
    expect(warnings).toEqual([`${name} is not a setting of this version, so it is ignored`])
  },
)

test.each([
  'UPFRONT_PORT',
  'UPFRONT_SERVICE_HOST',
  'UPFRONT_SERVICE_PORT',
  'UPFRONT_SERVICE_PORT_HTTP',
  'UPFRONT_PORT_80_TCP',
  'UPFRONT_PORT_80_TCP_ADDR',
  'UPFRONT_PORT_80_TCP_PORT',
  'UPFRONT_PORT_80_TCP_PROTO',
  'UPFRONT_DB_SERVICE_HOST',
  'UPFRONT_DB_SERVICE_PORT_POSTGRES',
  'UPFRONT_DB_PORT',
  'UPFRONT_DB_PORT_5432_TCP',
  'UPFRONT_DB_PORT_53_UDP_ADDR',
  'UPFRONT_SEED_PORT',
  'UPSTREAM_ENV',
  'USER_SCHEMA',
  'UPFRONTEND',
])('%s is none of our business', async (name) => {
  expect(await load({ env: { [name]: 'tcp://10.0.0.1:80' } })).toMatchObject({ warnings: [] })
})

test.each([
  ['wait-timout', '--wait-timout: is not a setting; did you mean --wait-timeout?'],
  ['database-url', '--database-url: is not a setting; expected one of the flags that --help lists'],
])('the flag --%s is a problem', async (flag, expected) => {
  expect(await problemsOf({ flags: { [flag]: '5s' } })).toEqual([expected])
})

test.each([
  ['demo', 'demo'],
  ['demo\n', 'demo'],
  ['demo\r\n', 'demo'],
  ['demo\n\r\n\n', 'demo'],
])('a file that holds %j sets %s', async (content, seed) => {
  const path = await secretFile(content)
  expect(await load({ env: { UPFRONT_SEED_FILE: path } })).toMatchObject({ seed })
  expect(await load({ env: { UPFRONT_SEED_FILE: 'secret' } })).toMatchObject({ seed })
  expect(await load({ dotenv: 'UPFRONT_SEED_FILE=./secret' })).toMatchObject({ seed })
})

test('X and X_FILE together are a problem, even when both say the same', async () => {
  const path = await secretFile('demo')
  const env = { UPFRONT_SEED: 'demo', UPFRONT_SEED_FILE: path }
  const expected = 'both are set; expected only one of them'
  expect(await problemsOf({ env })).toEqual([`UPFRONT_SEED and UPFRONT_SEED_FILE: ${expected}`])
  const database = { DATABASE_URL: url, DATABASE_URL_FILE: path }
  const problems = await problemsOf({ env: database, database: true })
  expect(problems).toEqual([`DATABASE_URL and DATABASE_URL_FILE: ${expected}`])
})

test('X in the environment beats X_FILE in .env', async () => {
  const world = { env: { UPFRONT_SEED: 'a' }, dotenv: 'UPFRONT_SEED_FILE=/nowhere' }
  expect(await load(world)).toMatchObject({ seed: 'a' })
})

test('an X_FILE that cannot be read is a problem that names the path', async () => {
  await mkdir(join(cwd, 'folder'))
  await writeFile(join(cwd, 'empty'), '\n')
  const read = (path: string) => problemsOf({ env: { UPFRONT_SEED_FILE: path } })
  const expected = 'expected a file that holds the value'
  expect(await read('/no/such')).toEqual([`UPFRONT_SEED_FILE: /no/such does not exist; ${expected}`])
  expect(await read('folder')).toEqual([`UPFRONT_SEED_FILE: folder is a directory; ${expected}`])
  expect(await read('empty')).toEqual([`UPFRONT_SEED_FILE: empty is empty; ${expected}`])
  expect(await read('empty/below')).toEqual([`UPFRONT_SEED_FILE: empty/below does not exist; ${expected}`])
})

// Root may read everything.
test.skipIf(process.getuid?.() === 0)('a file without permission is a problem', async () => {
  const path = await secretFile('demo')
  await chmod(path, 0)
  const problems = await problemsOf({ env: { UPFRONT_SEED_FILE: path } })
  expect(problems).toEqual([expect.stringContaining('may not be read by this user')])
})

test('a .env that is a directory is a problem', async () => {
  await mkdir(join(cwd, '.env'))
  expect(await problemsOf({})).toEqual([expect.stringMatching(/^\.env: .* is a directory; expected a file/)])
})

test('.env may have a byte order mark, CRLF, quotes, comments and export', async () => {
  const dotenv = '\uFEFFUPFRONT_SEED="demo" # which\r\nexport UPFRONT_ENV=\'dev\'\r\n'
  expect(await load({ dotenv })).toMatchObject({ seed: 'demo', environment: 'dev' })
})

const order = ['UPFRONT_DATABASE_URL', 'MIGRATION_DATABASE_URL', 'DIRECT_URL', 'DATABASE_URL']

test.each(order.map((name, index) => [name, index] as const))('%s beats what comes after it', async (name, index) => {
  const env = { ...Object.fromEntries(order.slice(index).map((later) => [later, 'postgres://x@x/x'])), PGHOST: 'x' }
  const config = await load({ env: { ...env, [name]: url }, database: true })
  expect(config.target).toMatchObject({ source: name, hosts: [{ host: 'db', port: 5432 }] })
})

test('the file twin of an earlier name beats a later name', async () => {
  const path = await secretFile(`${url}\n`)
  const env = { DIRECT_URL_FILE: path, DATABASE_URL: 'postgres://x@x/x' }
  const { target, secrets } = await load({ env, database: true })
  expect(target).toMatchObject({ source: 'DIRECT_URL_FILE', password: 'sesame' })
  expect(secrets).toEqual(['sesame'])
})

test('PG* name a database, with file twins', async () => {
  const path = await secretFile('ses ame\n')
  const env = { PGHOST: 'db', PGUSER: 'me', PGDATABASE: 'app', PGPASSWORD_FILE: path, PGSSLROOTCERT: 'ca.pem' }
  const { target, secrets } = await load({ env, database: true })
  expect(target).toMatchObject({
    source: 'PG*',
    user: 'me',
    password: 'ses ame',
    tls: { rootCert: join(cwd, 'ca.pem') },
  })
  expect(secrets).toEqual(['ses ame', 'ses%20ame'])
})

test('any database named in the environment beats any named in .env', async () => {
  const dotenv = 'UPFRONT_DATABASE_URL=postgres://dev:dev@localhost/dev\nPGPASSWORD=other'
  const byUrl = await load({ env: { DATABASE_URL: 'postgres://me@db/app' }, dotenv, database: true })
  expect(byUrl.target).toMatchObject({ source: 'DATABASE_URL', password: undefined })
  const byHost = await load({ env: { PGHOST: 'db', PGUSER: 'me' }, dotenv, database: true })
  expect(byHost.target).toMatchObject({ source: 'PG*', database: 'me', password: undefined })
})

test.each([
  ['DATABASE_URL=postgres://me@db/app', 'DATABASE_URL (.env)'],
  ['DATABASE_URL_FILE=secret', 'DATABASE_URL_FILE (.env)'],
  ['PGHOST=db\nPGUSER=me', 'PG* (.env)'],
])('without one in the environment, .env names it: %j', async (dotenv, source) => {
  await secretFile('postgres://me@db/app\r\n')
  const { target } = await load({ env: { PGPASSWORD: 'sesame' }, dotenv, database: true })
  expect(target).toMatchObject({ source, user: 'me', password: 'sesame' })
})

test('relative certificates start from the working directory, and system stays system', async () => {
  const query = 'sslmode=verify-full&sslrootcert=system&sslcert=c.pem&sslkey=/k.pem'
  const { target } = await load({ env: { DATABASE_URL: `${url}?${query}` }, database: true })
  expect(target?.tls).toMatchObject({ rootCert: 'system', cert: join(cwd, 'c.pem'), key: '/k.pem' })
})

test('no database at all is a problem that says what to set', async () => {
  for (const env of [{}, { DATABASE_URL: '' }, { PGPASSWORD: 'x' }]) {
    expect(await problemsOf({ env, database: true })).toEqual([
      expect.stringMatching(/^no database is named; set DATABASE_URL \(or .*UPFRONT_DATABASE_URL.*PGHOST/),
    ])
  }
  const misspelt = await problemsOf({ env: { DATABSE_URL: url }, database: true })
  expect(misspelt).toEqual([expect.stringContaining('DATABSE_URL is set; did you mean DATABASE_URL?')])
  expect(misspelt.join()).not.toContain('sesame')
})

test('a database that nobody needs is not looked at', async () => {
  const env = { DATABASE_URL: 'nonsense', PGSERVICE: 'x' }
  expect(await load({ env })).toMatchObject({ target: null, secrets: [], warnings: [] })
})

test.each([
  ['PGSSLCRLDIR', '/crls', 'PGSSLCRLDIR is not supported here; name one file by sslcrl'],
  ['PGREQUIREPEER', 'postgres', 'PGREQUIREPEER is not supported here; protect the directory of the socket'],
  ['PGGSSENCMODE', 'require', 'PGGSSENCMODE=require is not supported here; encrypt by TLS'],
  ['PGTARGETSESSIONATTRS', 'standby', 'PGTARGETSESSIONATTRS=standby is not supported here'],
  ['PGMINPROTOCOLVERSION', '3.2', 'PGMINPROTOCOLVERSION=3.2 is not supported here'],
  ['PGREQUIRESSL', '1', 'PGREQUIRESSL is not supported here; write PGSSLMODE=require'],
  ['PGREQUIREAUTH', 'x', 'PGREQUIREAUTH has something that is not one of password'],
  ['PGCHANNELBINDING', 'x', 'PGCHANNELBINDING is not one of prefer, require, disable'],
  ['PGHOSTADDR', 'x', 'PGHOSTADDR is not an address'],
  ['PGSERVICE', 'x', 'its service "x" is not defined: there is no service file (PGSERVICEFILE)'],
  ['PGSSLCERTMODE', 'require', 'sslcertmode=require is not supported here'],
])('%s=%s protects or chooses the server, so what cannot be honoured is a problem', async (name, value, problem) => {
  expect(await problemsOf({ env: { DATABASE_URL: url, [name]: value }, database: true })).toEqual([
    expect.stringContaining(problem),
  ])
})

test('what is wrong with the variables of libpq and with the URL is said together', async () => {
  const env = { DATABASE_URL: `${url}?requirepeer=x`, PGGSSENCMODE: 'require', PGSSLCRLDIR: 'x' }
  expect(await problemsOf({ env, database: true })).toEqual([
    expect.stringContaining('PGGSSENCMODE'),
    expect.stringContaining('PGSSLCRLDIR'),
    expect.stringContaining('"requirepeer"'),
  ])
})

test('the variables of libpq that protect or choose the server are honoured', async () => {
  const env = {
    DATABASE_URL: url,
    PGHOSTADDR: '10.0.0.1',
    PGCHANNELBINDING: 'require',
    PGREQUIREAUTH: 'scram-sha-256',
    PGSSLMODE: 'verify-full',
    PGSSLCRL: 'crl.pem',
    PGSSLNEGOTIATION: 'direct',
    PGSSLSNI: '0',
    PGSSLMINPROTOCOLVERSION: 'TLSv1.3',
  }
  const { target, warnings } = await load({ env, database: true })
  expect(target).toMatchObject({
    hosts: [{ host: 'db', address: '10.0.0.1' }],
    channelBinding: 'require',
    requireAuth: ['scram-sha-256'],
    tls: { crl: join(cwd, 'crl.pem'), direct: true, sni: false, minVersion: 'TLSv1.3' },
  })
  expect(warnings).toEqual([])
})

test.each(['PGTZ', 'PGDATESTYLE', 'PGGEQO'])('%s is ignored, with a warning', async (name) => {
  const { warnings } = await load({ env: { DATABASE_URL: url, [name]: 'x' }, database: true })
  expect(warnings).toEqual([expect.stringContaining(`${name} is ignored; write PGOPTIONS`)])
})

test.each(['PGAPPNAME', 'PGCLIENTENCODING', 'PGKRBSRVNAME', 'PGLOADBALANCEHOSTS', 'PGDATA'])(
  '%s changes nothing here, and nothing is said',
  async (name) => {
    const { warnings } = await load({ env: { DATABASE_URL: url, [name]: 'x' }, database: true })
    expect(warnings).toEqual([])
  },
)

test('a variable of libpq in .env is not judged when the environment names the database', async () => {
  const world = { env: { DATABASE_URL: url }, dotenv: 'PGREQUIREPEER=x\nPGSERVICE=y\n', database: true }
  expect((await load(world)).target).toMatchObject({ database: 'app' })
})

test('a wrong connection string is a problem with its source and without its text', async () => {
  const path = await secretFile('postgres://me:sesame@db:99999/app')
  const problems = await problemsOf({ env: { DATABASE_URL_FILE: path }, database: true })
  expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL_FILE: its port is not a number from 1 to 65535/)])
  expect(problems.join()).not.toContain('sesame')
})

test('a lease that would be over before it could be renewed, and a pattern without its version, are mistakes', async () => {
  const env = { UPFRONT_LEASE_TTL: '200ms', UPFRONT_APP_PATTERN: 'shop' }
  expect(await problemsOf({ env })).toEqual([
    expect.stringContaining('UPFRONT_APP_PATTERN: "shop" has {version} nowhere'),
    'UPFRONT_LEASE_TTL: "200ms" is too short for a lease; expected 1s or more',
  ])
  const { appPatterns, leaseTtlMs } = await load({
    env: { UPFRONT_LEASE_TTL: '1s', UPFRONT_APP_PATTERN: 'shop/{version}' },
  })
  expect({ appPatterns, leaseTtlMs }).toEqual({ appPatterns: [{ before: 'shop/', after: '' }], leaseTtlMs: 1_000 })
})
