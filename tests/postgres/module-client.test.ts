import { describe, expect } from 'vitest'
import { test, until } from '../support/database.ts'

const up = (body: string, rest = '') => `export async function up(client, { signal, log }) {\n${body}\n}\n${rest}`

/** Goes on asking, whatever it is told, until it has been refused three times. */
const stubborn = `
  const stubborn = async (sql) => {
    for (let refused = 0; refused < 3;) await client.query(sql).catch((error) => (refused += /closed/.test(error.message)))
  }`

const count = 'select count(*)::int as n from t'

describe('the client of a module is dead for it the moment that it has settled', () => {
  test('Promise.all with one rejection: nothing of the others remains, however long they live on', async ({ db }) => {
    await db.query('create table t (id int)')
    db.files({
      '001_a.mjs': up(`${stubborn}
  const loop = async () => { for (let i = 0; i < 50; i += 1) await client.query('insert into t values (1)') }
  await Promise.all([loop(), stubborn('insert into t values (2)'), loop(),
    client.query('select 1').then(() => { throw new Error('this one') })])`),
      '002_b.sql': 'select 1',
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('this one')
    expect(stderr).toMatch(/001_a\.mjs:\d+:\d+/)
    expect(await db.query(count)).toEqual([{ n: 0 }])
    expect(await db.history()).toEqual([])
  })

  test.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['deadline', 32],
  ] as const)('a loop that ignores %s leaves nothing', async ([how, exit], { db }) => {
    await db.query('create table t (id int)')
    db.files({
      '001_a.mjs': up(`
  await client.query('insert into t values (0)')
  log('looping')
  for (;;) await client.query('insert into t select 1 from pg_sleep(0.01)').catch(() => {})`),
    })
    const running = db.spawn([], how === 'deadline' ? { UPFRONT_DEADLINE: '4s' } : {})
    await running.says('looping')
    if (how !== 'deadline') running.kill(how)
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(exit)
    expect(await db.query(count)).toEqual([{ n: 0 }])
    expect(await db.history()).toEqual([])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('what it had queued when it was stopped is never sent', async ({ db }) => {
    await db.query('create table t (id int)')
    db.files({
      '001_a.mjs': up(
        `
  const all = [client.query('select pg_sleep(30)')]
  for (let i = 0; i < 100; i += 1) all.push(client.query('insert into t values (1)'))
  log('queued')
  await Promise.allSettled(all)`,
        'export const transaction = false',
      ),
    })
    const running = db.spawn()
    await running.says('queued')
    running.kill('SIGTERM')
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).toBe(23)
    expect(await db.query(count)).toEqual([{ n: 0 }])
  })

  test('outside a transaction too: nothing is asked for after it has failed', async ({ db }) => {
    await db.query('create table t (id int)')
    db.files({
      '001_a.mjs': up(
        `${stubborn}
  void stubborn('insert into t select 1 from pg_sleep(0.01)')
  await client.query('select pg_sleep(0.2)')
  await client.query('insert into t values (2)')
  throw new Error('enough')`,
        'export const transaction = false',
      ),
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('enough')
    expect(await db.query('select count(*)::int as n from t where id = 2')).toEqual([{ n: 1 }])
  })

  test('the down of a module: a rejection takes all of it back', async ({ db }) => {
    db.files({
      '001_a.mjs': up(
        `  await client.query('create table t (id int)')`,
        `export async function down(client) {
  const loop = async () => { for (let i = 0; i < 50; i += 1) await client.query('insert into t values (1)').catch(() => {}) }
  await Promise.all([loop(), client.query('select 1').then(() => { throw new Error('no way back') })])
}`,
      ),
    })
    const env = { UPFRONT_ENV: 'development' }
    expect((await db.spawn(['up'], env).ended).exitCode).toBe(0)
    const { exitCode, stderr } = await db.spawn(['down'], env).ended
    expect(exitCode, stderr).toBe(22)
    expect(await db.query(count)).toEqual([{ n: 0 }])
    expect(await db.history()).toEqual(['migration 001_a applied'])
  })

  test('a seed as a module: 26, and nothing of it', async ({ db }) => {
    db.files({ '001_t.sql': 'create table t (id int)' })
    db.seeds({
      '010_t.mjs': up(`${stubborn}
  await Promise.all([stubborn('insert into t values (1)'), client.query('select 1').then(() => { throw new Error('not so') })])`),
    })
    const { exitCode, stderr } = await db.spawn(['up', '--seed', 'development']).ended
    expect(exitCode, stderr).toBe(26)
    expect(await db.query(count)).toEqual([{ n: 0 }])
  })
})

describe('a query that a module did not wait for is its error', () => {
  test.for([
    ['a promise', `void client.query('insert into t values (1)')`],
    ['several', `for (let i = 0; i < 9; i += 1) void client.query('insert into t values (1)')`],
    ['a callback', `client.query('insert into t values (1)', () => {})`],
    ['one that takes long', `void client.query('select pg_sleep(60)')`],
  ])('%s: 22, its place, and nothing of it', async ([, statement], { db }) => {
    await db.query('create table t (id int)')
    db.files({ '001_a.mjs': up(`  ${statement}`) })
    const begun = performance.now()
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('it ended without waiting for this query')
    expect(stderr).toMatch(/001_a\.mjs:2:\d+/)
    expect(performance.now() - begun).toBeLessThan(15_000)
    expect(await db.query(count)).toEqual([{ n: 0 }])
  })

  test('one outside a transaction: 23', async ({ db }) => {
    db.files({ '001_a.mjs': up(`  void client.query('select pg_sleep(60)')`, 'export const transaction = false') })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain('it ended without waiting for this query')
  })
})

describe('there is no way around the client', () => {
  /** As pg-copy-streams and pg-cursor do it: they keep the connection that they are given. */
  const submittable = `
  const held = {}
  const submittable = (begin) => ({
    submit(connection) { held.connection = connection; begin(connection) },
    handleRowDescription() {}, handleDataRow() {}, handleCommandComplete() {}, handleEmptyQuery() {},
    handlePortalSuspended() { held.suspended?.() }, handleCopyInResponse(connection) { held.copying?.(connection) },
    handleError(error) { held.error = error }, handleReadyForQuery() { held.done?.() },
  })`

  test('not by the connection, the prototype, a listener or what it was given to send with', async ({ db }) => {
    await db.query('create table t (id int)')
    db.files({
      '001_a.mjs': up(`${submittable}
  const proto = Object.getPrototypeOf(client)
  log('sees ' + [client.connection, client._queryQueue, client.password, client.connectionParameters].map(String))
  await new Promise((done) => { held.done = done; client.query(submittable((on) => on.query('select 1'))) })
  client.on('notice', () => void held.connection.query('insert into t values (3)'))
  const late = () => {
    held.connection.query('insert into t values (1)')
    held.connection.stream.write(Buffer.from([81, 0, 0, 0, 4]))
    proto.query?.call(client, 'insert into t values (2)').catch(() => {})
    client.query('insert into t values (4)').catch(() => {})
  }
  signal.addEventListener('abort', late)
  setTimeout(late, 0), setImmediate(late), setTimeout(late, 5), setTimeout(late, 50)
  throw new Error('first')`),
      '002_b.sql': 'select pg_sleep(1)',
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('sees undefined,undefined,undefined,undefined')
    expect(await db.query(count)).toEqual([{ n: 0 }])
  })

  test.for([
    ['data of a COPY', `on.query('copy t from stdin')`, 'copying'],
    [
      'the next rows of a cursor',
      `on.parse({ text: 'select generate_series(1, 9)' }); on.bind({}); on.execute({ rows: 2 }); on.flush()`,
      'suspended',
    ],
  ])('one that ends while the server waits for %s: 22 at once', async ([, begin, event], { db }) => {
    await db.query('create table t (id int)')
    db.files({
      '001_a.mjs': up(`${submittable}
  await new Promise((done) => { held.${event} = done; client.query(submittable((on) => { ${begin} })) })`),
    })
    const begun = performance.now()
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('it ended without waiting for this query')
    expect(performance.now() - begun).toBeLessThan(10_000)
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('a parser of types that it sets is its own', async ({ db }) => {
    db.files({
      '001_a.mjs': up(`
  client.setTypeParser(16, () => { throw new Error('never') })
  client.setTypeParser(23, (text) => 'n' + text)
  log(JSON.stringify((await client.query({ text: 'select 7 as a', rowMode: 'array' })).rows))
  log(JSON.stringify((await client.query('select $1::int as a', [8])).rows))`),
      '002_b.mjs': up(`  log(JSON.stringify((await client.query('select 9 as a')).rows))`),
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('[["n7"]]')
    expect(stderr).toContain('[{"a":"n8"}]')
    expect(stderr).toContain('[{"a":9}]')
  })
})

test('a well-behaved module has all of pg that it had: callbacks, many at once, names, notices', async ({ db }) => {
  db.files({
    '001_a.mjs': up(`
  const heard = new Promise((resolve) => client.on('notice', ({ message }) => resolve(message)))
  await client.query('create table t (id int)')
  const rows = await Promise.all([1, 2, 3].map((id) => client.query('insert into t values ($1) returning id', [id])))
  await new Promise((resolve, reject) => client.query('select 4', (error) => (error ? reject(error) : resolve())))
  await new Promise((resolve, reject) => client.query('select $1::int', [4], (error) => (error ? reject(error) : resolve())))
  for (const id of [5, 6]) await client.query({ name: 'again', text: 'insert into t values ($1)', values: [id] })
  await client.query("do $$ begin raise notice 'hello'; end $$")
  log(rows.map((one) => one.rows[0].id) + ' ' + (await heard) + ' ' + client.escapeLiteral("'"))`),
    '002_b.mjs': up(`  await client.query({ name: 'again', text: 'insert into t values ($1)', values: [7] })`),
  })
  const { exitCode, stderr } = await db.spawn().ended
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain(`1,2,3 hello ''''`)
  expect(stderr).not.toContain('(node:')
  expect(await db.query(count)).toEqual([{ n: 6 }])
})

test('a module that is retried does not meet what it left behind the first time', async ({ db }) => {
  await db.query('create table t (id int); create table busy (id int)')
  const blocker = await db.connect()
  await blocker.query('begin; lock table busy')
  db.files({
    '001_a.mjs': up(`${stubborn}
  void stubborn('insert into t values (1)').catch(() => {})
  await client.query('insert into busy values (1)')
  await client.query('delete from t')
  await client.query('insert into t values (2)')
  signal.throwIfAborted()`),
  })
  const running = db.spawn([], { UPFRONT_LOCK_TIMEOUT: '200ms' })
  await running.says('retrying')
  await blocker.query('rollback')
  const { exitCode, stderr } = await running.ended
  // The loop that nobody waits for makes it an error in the end; what counts is that no row came of the first try.
  expect(exitCode, stderr).toBe(22)
  await until(async () => (await db.leftovers()).sessions === 0, 'it is gone')
  expect(await db.query(count)).toEqual([{ n: 0 }])
})

describe('what a module throws where nobody waits is its failure, and its place is told', () => {
  test.for([
    ['a floating rejection', `Promise.reject(new Error('floating'))`],
    ['one of a function that nobody awaits', `(async () => { await null; throw new Error('floating') })()`],
    [
      'one that comes later',
      `(async () => { await new Promise((r) => setTimeout(r, 50)); throw new Error('floating') })()`,
    ],
    ['an exception in a timer', `setTimeout(() => { throw new Error('floating') }, 20)`],
    ['an exception in a callback', `client.query('select 1', () => { throw new Error('floating') })`],
    [
      'an exception in a listener',
      `client.on('notice', () => { throw new Error('floating') }); client.query("do $$ begin raise notice 'x'; end $$")`,
    ],
    ['a query that is awaited by nobody and fails', `client.query('select floating')`],
  ])('%s', async ([, statement], { db }) => {
    const body = `  await client.query('create table t (id int)')\n  ;${statement}\n  await client.query('select pg_sleep(0.3)').catch(() => {})`
    db.files({ '001_a.mjs': up(body), '002_b.sql': 'select 1' })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(22)
    expect(stderr).toContain('floating')
    expect(stderr).toMatch(/001_a\.mjs:3:\d+/)
    expect(stderr).toContain('not run: 002_b')
    expect(await db.tables()).toEqual([])
  })

  test('one that comes when its module has ended long ago is told, and ends nothing', async ({ db }) => {
    db.files({
      '001_a.mjs': up(`  setTimeout(() => { throw new Error('too late') }, 300)`),
      '002_b.sql': 'select pg_sleep(1); create table b (id int)',
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('001_a  WARNING: after its end: too late')
    expect(await db.tables()).toEqual(['public.b'])
  })

  test('one while it is loaded: 20, and nothing has run', async ({ db }) => {
    db.files({
      '001_a.sql': 'create table a (id int)',
      '002_b.mjs': `Promise.reject(new Error('at once'))\n${up('')}`,
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(20)
    expect(stderr).toContain('at once')
    expect(await db.tables()).toEqual([])
  })

  test('an own connection that is refused is 22, not a lost one', async ({ db }) => {
    db.files({
      '001_a.mjs': up(`  await client.query('create table t (id int)')\n  await fetch('http://127.0.0.1:1/')`),
    })
    const fetched = await db.spawn().ended
    expect(fetched.exitCode, fetched.stderr).toBe(22)
    db.files({
      '001_a.mjs': `import net from 'node:net'\n${up(`  await client.query('create table t (id int)')
  await new Promise((resolve, reject) => net.connect(1, '127.0.0.1').on('error', reject))`)}`,
    })
    const dialled = await db.spawn().ended
    expect(dialled.exitCode, dialled.stderr).toBe(22)
    expect(dialled.stderr).toContain('ECONNREFUSED')
    expect(dialled.stderr).toMatch(/nothing of it remains/)
    expect(dialled.stderr).not.toContain('connection_lost')
    db.files({
      '001_a.mjs': up(
        `  throw Object.assign(new Error('Connection terminated unexpectedly'), { code: '57P01', severity: 'FATAL' })`,
      ),
    })
    const own = await db.spawn().ended
    expect(own.exitCode, own.stderr).toBe(22)
  })

  test('our own that is lost under it is a lost one, whatever the module makes of that', async ({ db }) => {
    db.files({
      '001_a.mjs': up(`
  await client.query('select pg_terminate_backend(pg_backend_pid())').catch(() => { throw new Error('something else') })`),
    })
    const { exitCode, stderr } = await db.spawn().ended
    expect(exitCode, stderr).toBe(32)
    expect(stderr).not.toContain('something else')
  })
})
