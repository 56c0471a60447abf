import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { lockKey } from '../../src/postgres/lock-key.ts'
import { type Database, type Files, test, until } from '../support/database.ts'

const three: Files = {
  '001_a.sql': 'create table a (id int)',
  '001_a.down.sql': 'drop table a',
  '002_b.sql': 'create table b (id int);\n-- upfront:down\ndrop table b;',
  '003_c.sql': 'create table c (id int)',
  '003_c.down.sql': 'drop table c',
}

/** A database that nobody has to be asked for. */
const development = { UPFRONT_ENV: 'development' }

async function upThree(db: Database, files: Files = three) {
  db.files(files)
  const { exitCode, stderr } = await db.up([], development)
  expect(exitCode, stderr).toBe(0)
}

test('down takes the newest one back, with its row', async ({ db }) => {
  await upThree(db)

  const { exitCode, stderr, stdout } = await db.run(['down'])

  expect(exitCode, stderr).toBe(0)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^reverted {7}003_c {2}\d/m)
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^done {11}1 migration taken back in /)
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
  expect(await db.history()).toEqual(['migration 001_a applied', 'migration 002_b applied'])
  expect(await db.query(`select command, outcome from upfront.runs order by id desc limit 1`)).toEqual([
    { command: 'down', outcome: 'done' },
  ])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('--step n takes that many back, the newest first', async ({ db }) => {
  await upThree(db)
  const { exitCode, stderr } = await db.run(['down', '--step', '2'])
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toMatch(/reverted {7}003_c[^]*reverted {7}002_b/)
  expect(stderr).toContain('2 migrations taken back')
  expect(await db.tables()).toEqual(['public.a'])
})

test('--step with more than there is takes everything back, and one more finds nothing', async ({ db }) => {
  await upThree(db)
  expect((await db.run(['down', '--step', '99'])).exitCode).toBe(0)
  expect(await db.tables()).toEqual([])
  expect(await db.history()).toEqual([])

  const again = await db.run(['down'])

  expect(again.exitCode).toBe(0)
  expect(again.stderr).toContain('there is nothing to take back')
})

test.for([['001_a'], ['001_a.sql'], ['migrations/001_a.down.sql']])(
  '--to %s takes back all after it, and not it',
  async ([name], { db }) => {
    await upThree(db)
    const { exitCode, stderr } = await db.run(['down', '--to', name!])
    expect(exitCode, stderr).toBe(0)
    expect(await db.history()).toEqual(['migration 001_a applied'])
  },
)

test('--to the newest one has nothing to do', async ({ db }) => {
  await upThree(db)
  const { exitCode, stderr } = await db.run(['down', '--to', '003_c'])
  expect(exitCode).toBe(0)
  expect(stderr).toContain('nothing to take back')
  expect(await db.tables()).toHaveLength(3)
})

test.for([
  [['--to', '009_nowhere'], '009_nowhere is not applied'],
  [['--step', '0'], '--step 0 is not a number of migrations'],
  [['--step', '-1'], '--step -1 is not a number'],
  [['--step', '1.5'], '--step 1.5 is not a number'],
  [['--step', 'all'], '--step all is not a number'],
  [['--step', ''], 'is not a number'],
  [['--step', '1', '--to', '001_a'], '--step or --to, not both'],
] as const)('%j is refused with 2, and nothing changes', async ([flags, message], { db }) => {
  await upThree(db)
  const { exitCode, stderr } = await db.run(['down', ...flags])
  expect(exitCode, stderr).toBe(2)
  expect(stderr).toContain(message)
  expect(await db.tables()).toHaveLength(3)
})

test('one without a down: 28 naming it, and nothing is taken back, not even those that could be', async ({ db }) => {
  await upThree(db, { ...three, '002_b.sql': 'create table b (id int)' })

  const { exitCode, stderr } = await db.run(['down', '--step', '3'])

  expect(exitCode).toBe(28)
  expect(stderr).toContain('there is no way back; nothing was changed (REFUSED, exit 28)')
  expect(stderr).toContain('002_b: neither its file nor the history has a down')
  expect(stderr).toContain('002_b.down.sql'.replace('002_b', '<name>'))
  expect(await db.tables()).toHaveLength(3)
  expect(await db.history()).toHaveLength(3)
  expect(await db.query('select command from upfront.runs')).toEqual([{ command: 'up' }])
})

test('a baseline can be taken back by the down that came with it', async ({ db }) => {
  await db.query('create table a (id int)')
  db.files({ '001_a.sql': three['001_a.sql']!, '001_a.down.sql': 'drop table a' })
  expect((await db.run(['baseline'], development)).exitCode).toBe(0)
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual([])
})

test('an older image goes back from what a newer one has applied, by the downs in the history', async ({ db }) => {
  await upThree(db)
  db.files({ '001_a.sql': three['001_a.sql']!, '001_a.down.sql': 'drop table a' })

  const { exitCode, stderr } = await db.run(['down', '--to', '001_a'])

  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.a'])
  const after = await db.up([], development)
  expect(after.exitCode).toBe(0)
  expect(after.stderr).toContain('up to date     1 migration')
})

test('a file that was changed since does not go back by its new down, but by the one in the history', async ({
  db,
}) => {
  await upThree(db)
  db.files({ ...three, '003_c.sql': 'create table d (id int)', '003_c.down.sql': 'drop table d' })
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
})

test('a down that was mended after the migration ran is the one that runs', async ({ db }) => {
  await upThree(db, { ...three, '003_c.down.sql': 'drop table nowhere' })
  expect((await db.run(['down'])).exitCode).toBe(22)
  db.files(three)
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
})

test('a down that fails is rolled back and leaves it applied; those before it stay taken back', async ({ db }) => {
  const bad = { '002_b.sql': 'create table b (id int);\n-- upfront:down\ndrop table b;\nselect 1 / 0;' }
  await upThree(db, { ...three, ...bad })

  const { exitCode, stderr } = await db.run(['down', '--step', '3'])

  expect(exitCode).toBe(22)
  expect(stderr).toContain('the down of 002_b failed and was rolled back; it is still applied (FAILED, exit 22)')
  expect(stderr).toContain('ERROR 22012: division by zero')
  expect(stderr).toContain('not run: 001_a')
  expect(await db.tables()).toEqual(['public.a', 'public.b'])
  expect(await db.history()).toEqual(['migration 001_a applied', 'migration 002_b applied'])
  expect(await db.query(`select outcome from upfront.runs where command = 'down'`)).toEqual([{ outcome: 'failed' }])
})

test('the place of a mistake in a down is that of its file', async ({ db }) => {
  const bad = { '003_c.sql': 'create table c (id int);\n-- upfront:down\ndrop table c;\ndrop table nowhere;' }
  const { '003_c.down.sql': _, ...others } = three
  await upThree(db, { ...others, ...bad })
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode).toBe(22)
  expect(stderr).toMatch(/003_c\.sql:4:\d+/)
})

test('a down that would end our transaction is refused before its up runs', async ({ db }) => {
  db.files({ ...three, '003_c.down.sql': 'drop table c; commit; begin;' })
  const { exitCode, stderr } = await db.up()
  expect(exitCode).toBe(20)
  expect(stderr).toContain('003_c.down.sql:1:15')
  expect(await db.history()).toBeNull()
})

test('one in the history that ends our transaction all the same is 23', async ({ db }) => {
  await upThree(db)
  await db.query(`update upfront.history set down = 'drop table c; commit; begin' where name = '003_c'`)
  db.files({ '001_a.sql': three['001_a.sql']! })
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode, stderr).toBe(23)
  expect(stderr).toContain('003_c ended our transaction')
  // Half of it is committed, and the history says so.
  expect(await db.history()).toContain('migration 003_c running')
})

test('what was taken back is applied again by the next up', async ({ db }) => {
  await upThree(db)
  await db.run(['down', '--step', '2'])
  const { exitCode, applied } = await db.up()
  expect(exitCode).toBe(0)
  expect(applied).toEqual(['002_b', '003_c'])
  expect(await db.tables()).toHaveLength(3)
})

test('seeds run again after a down: their rows may be gone with the tables', async ({ db }) => {
  db.seeds({ '010_c.sql': 'insert into c values (1)' })
  db.files(three)
  await db.up(['--seed', 'demo'], development)
  await db.run(['down'])
  expect(await db.history()).toEqual(['migration 001_a applied', 'migration 002_b applied'])

  const { exitCode, applied, seeded } = await db.up(['--seed', 'demo'], development)

  expect(exitCode).toBe(0)
  expect(applied).toEqual(['003_c'])
  expect(seeded).toEqual(['010_c.sql'])
  expect(await db.query('select id from c')).toEqual([{ id: 1 }])
})

test('what cannot run in a transaction goes back statement by statement', async ({ db }) => {
  await upThree(db, {
    '001_a.sql': 'create table a (id int)',
    '002_index.sql': 'create index concurrently a_id on a (id)',
    '002_index.down.sql': 'drop index concurrently a_id;',
  })
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.query(`select from pg_class where relname = 'a_id'`)).toEqual([])
  expect(await db.history()).toEqual(['migration 001_a applied'])
})

test('one that stopped half way is not taken back', async ({ db }) => {
  await upThree(db, {
    '001_a.sql': '-- upfront:no-transaction\ncreate table a (id int);\nselect 1 / 0;',
    '001_a.down.sql': 'drop table a',
  }).catch(() => {})
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode).toBe(23)
  expect(stderr).toContain('001_a stopped half way')
  expect(await db.tables()).toEqual(['public.a'])
})

test('session state does not leak from one down to the next', async ({ db }) => {
  await upThree(db, { ...three, '003_c.down.sql': `drop table c; set search_path = ''; set role pg_monitor;` })
  const { exitCode, stderr } = await db.run(['down', '--step', '2'])
  expect(exitCode, stderr).toBe(0)
  expect(await db.tables()).toEqual(['public.a'])
})

test('a down waits for the lock like everybody else', async ({ db }) => {
  await upThree(db)
  await (await db.connect()).query(`select pg_advisory_lock(${lockKey('upfront')})`)
  const { exitCode, stderr } = await db.run(['down'], { UPFRONT_LOCK_WAIT: '300ms' })
  expect(exitCode, stderr).toBe(31)
  expect(await db.tables()).toHaveLength(3)
})

test('a database without a history has nothing to take back, and gets none', async ({ db }) => {
  db.files(three)
  const { exitCode, stderr } = await db.run(['down'])
  expect(exitCode, stderr).toBe(0)
  expect(stderr).toContain('nothing to take back')
  expect(await db.history()).toBeNull()
})

test('on a database marked production it needs --yes-destroy with its name', async ({ db }) => {
  db.files(three)
  await db.up()

  const refused = await db.run(['down'])
  expect(refused.exitCode).toBe(28)
  expect(refused.stderr).toContain(`the database ${db.name} is marked production; nothing was changed`)
  expect(refused.stderr).toContain(`--yes-destroy ${db.name}`)
  expect(await db.tables()).toHaveLength(3)

  const wrong = await db.run(['down', '--yes-destroy', 'other'])
  expect(wrong.exitCode).toBe(28)
  expect(wrong.stderr).toContain(`--yes-destroy names other, but this is ${db.name}`)
  expect(await db.tables()).toHaveLength(3)

  const right = await db.run(['down', '--yes-destroy', db.name])
  expect(right.exitCode, right.stderr).toBe(0)
  expect(await db.tables()).toHaveLength(2)
})

test('whoever calls it development now does not unmark a production database', async ({ db }) => {
  db.files(three)
  await db.up()
  const { exitCode } = await db.run(['down'], development)
  expect(exitCode).toBe(28)
  expect(await db.tables()).toHaveLength(3)
})

test('a wrong name is refused on any database', async ({ db }) => {
  await upThree(db)
  const { exitCode } = await db.run(['down', '--yes-destroy', 'other'])
  expect(exitCode).toBe(28)
  expect(await db.tables()).toHaveLength(3)
})

test('a down keeps the mark of the database', async ({ db }) => {
  await upThree(db)
  await db.run(['down'])
  expect((await db.run(['down'])).exitCode).toBe(0)
  expect(await db.tables()).toEqual(['public.a'])
})

test('an error and how the transaction stands may come in different packets', async ({ db }) => {
  await upThree(db, { ...three, '002_b.down.sql': 'select 1 / 0', '002_b.sql': 'create table b (id int)' })
  await using slow = await startSplitter(Number(new URL(db.url).port))

  const env = { UPFRONT_DATABASE_URL: db.urlOf({ port: slow.port }) }
  const { exitCode, stderr } = await db.run(['down', '--step', '2'], env)

  expect(exitCode, stderr).toBe(22)
  expect(await db.query(`select outcome from upfront.runs where command = 'down'`)).toEqual([{ outcome: 'failed' }])
})

/** Stands in front of a server and hands its messages on one at a time, as a slow network may. */
async function startSplitter(serverPort: number) {
  const sockets = new Set<net.Socket>()
  const listener = net.createServer((client) => {
    const server = net.connect(serverPort, '127.0.0.1')
    const end = () => (client.destroy(), server.destroy())
    for (const socket of [client, server]) sockets.add(socket.setNoDelay().on('error', end).on('close', end))
    client.pipe(server)
    server.once('data', (answer) => {
      // The one letter that answers the request for TLS comes first.
      client.write(answer)
      passOn(server, client).catch(end)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => listener.close(resolve))
  }
  return { port: (listener.address() as net.AddressInfo).port, [Symbol.asyncDispose]: close }
}

async function passOn(server: net.Socket, client: net.Socket) {
  let rest = Buffer.alloc(0)
  for await (const chunk of server as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const length = 1 + rest.readInt32BE(1)
      client.write(rest.subarray(0, length))
      rest = rest.subarray(length)
      await sleep(2)
    }
  }
}

test('a down outside a transaction that was killed in its middle is not taken for applied, and can run again', async ({
  db,
}) => {
  db.files({
    '001_a.sql': 'create table a (id int); create index a_id on a (id)',
    '001_a.down.sql': 'drop index concurrently if exists a_id; select pg_sleep(2); drop table a',
  })
  await db.up()
  const running = db.spawn(['down', '--yes-destroy', db.name])
  await until(async () => {
    const rows = await db.query(`select from pg_stat_activity where datname = current_database()
      and application_name like 'upfront/%' and wait_event = 'PgSleep'`)
    return rows.length === 1
  }, 'it sleeps between its statements')
  running.kill('SIGKILL')
  await running.ended

  expect(await db.history()).toEqual(['migration 001_a running'])
  const up = await db.up()
  expect(up.exitCode, up.stderr).toBe(23)
  expect(up.stderr).toContain('the down of 001_a stopped half way')
  expect(up.stderr).toContain('upfront repair --done 001_a')
  const again = await db.run(['down', '--yes-destroy', db.name])
  expect(again.exitCode, again.stderr).toBe(0)
  expect(await db.history()).toEqual([])
  expect((await db.up()).exitCode).toBe(0)
})

test('a down outside a transaction of which nothing is done leaves its migration applied', async ({ db }) => {
  db.files({
    '001_a.sql': 'create table a (id int)',
    '001_a.down.sql': 'drop index concurrently nowhere; drop table a',
  })
  await db.up()
  const { exitCode, stderr } = await db.run(['down', '--yes-destroy', db.name])
  expect(exitCode, stderr).toBe(22)
  expect(await db.history()).toEqual(['migration 001_a applied'])
  expect((await db.up()).exitCode).toBe(0)
})

test('a down that had stopped half way and fails at its first statement says that part may be taken back', async ({
  db,
}) => {
  db.files({
    '001_a.sql': 'create table a (id int); create index a_id on a (id)',
    '001_a.down.sql': 'drop index concurrently a_id; select 1 / 0; drop table a',
  })
  await db.up()
  for (const done of [1, 0]) {
    const { exitCode, stderr } = await db.run(['down', '--yes-destroy', db.name])
    expect(exitCode, stderr).toBe(23)
    expect(stderr).toContain(`the down of 001_a stopped after ${done} of 3 statements`)
    expect(stderr).not.toMatch(/nothing of it remains|still applied/)
    expect(stderr).toContain('upfront repair --forget 001_a --reason "..."')
    expect(await db.history()).toEqual(['migration 001_a running'])
  }
})
