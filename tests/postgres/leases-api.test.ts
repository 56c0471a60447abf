import { execFile } from 'node:child_process'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Event, Failure, hold, up } from '../../src/index.ts'
import { type Database, test, until } from '../support/database.ts'
import { startProxy } from '../support/proxy.ts'

const files = { '001_a.sql': 'create table a (id int)' }

const optionsOf = ({ url, migrationsDir }: Database) => ({ databaseUrl: url, migrationsDir })
const living = (db: Database) =>
  db.query(`select id, holder, version from upfront.leases where expires_at > clock_timestamp()`)

test('the application holds by itself, under the name of its machine, until the block ends', async ({ db }) => {
  db.files(files)
  await up(optionsOf(db))
  {
    await using lease = await hold({ ...optionsOf(db), settings: { appVersion: '2.0.0' } })
    expect(await living(db)).toEqual([{ id: lease.id, holder: hostname(), version: '2.0.0' }])
  }
  expect(await living(db)).toEqual([])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
})

test('it waits for the migrations, and throws PENDING without holding anything', async ({ db }) => {
  db.files(files)
  await up(optionsOf(db))
  db.files({ ...files, '002_b.sql': 'select 1' })
  const failure = await hold({ ...optionsOf(db), settings: { waitTimeout: '300ms' } }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Failure)
  expect((failure as Failure).code).toBe('PENDING')
  expect(await living(db)).toEqual([])
})

test('it is renewed; a signal of the caller gives it back; a second release is no error', async ({ db }) => {
  db.files(files)
  await up(optionsOf(db))
  const events: Event[] = []
  const stop = new AbortController()
  const lease = await hold({
    ...optionsOf(db),
    settings: { leaseTtl: '1s' },
    signal: stop.signal,
    onEvent: (event) => void events.push(event),
  })
  await sleep(1_500)
  expect(await living(db)).toMatchObject([{ id: lease.id }])
  stop.abort()
  await until(async () => (await living(db)).length === 0, 'it is given back')
  await lease.release()
  await lease.release()
  expect(events.map(({ type }) => type).filter((type) => /held|released/.test(type))).toEqual(['held', 'released'])
})

test('what the caller aborts before it is held is INTERRUPTED', async ({ db }) => {
  db.files(files)
  await up(optionsOf(db))
  const failure = await hold({ ...optionsOf(db), signal: AbortSignal.abort() }).catch((error: unknown) => error)
  expect((failure as Failure).code).toBe('INTERRUPTED_TERM')
  expect(await living(db)).toEqual([])
})

test('a database that is gone does not keep release from resolving, and the lease runs out', async ({ db }) => {
  db.files(files)
  await up(optionsOf(db))
  let isDown = false
  await using proxy = await startProxy(() => (isDown ? 1 : Number(new URL(db.url).port)))
  const warnings: string[] = []
  const lease = await hold({
    ...optionsOf(db),
    databaseUrl: db.urlOf({ port: proxy.port }),
    settings: { leaseTtl: '1s' },
    onEvent: (event) => void (event.type === 'warning' && warnings.push(event.message)),
  })
  isDown = true
  await lease.release()
  expect(warnings.join()).toContain('could not be given back')
  expect(await living(db)).toEqual([])
})

test('a table that is gone leaves nothing to give back', async ({ db }) => {
  db.files(files)
  await up(optionsOf(db))
  const lease = await hold(optionsOf(db))
  await db.query('drop table upfront.leases')
  const begun = performance.now()
  await lease.release()
  expect(performance.now() - begun).toBeLessThan(2_000)
})

test('a process that holds may end by itself', async ({ db }) => {
  db.files(files)
  await up(optionsOf(db))
  const script = `import { hold } from ${JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))}
    await hold(${JSON.stringify(optionsOf(db))})`
  const begun = performance.now()
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { timeout: 15_000 })
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(await living(db)).toHaveLength(1)
})
