// What a fleet stands on: which schemas it is made of, and how many connections it takes on a server.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { Failure } from '../../src/errors.ts'
import type { Listed } from '../../src/fleet/fleet.ts'
import { listSchemas } from '../../src/fleet/schemas.ts'
import { openSlots } from '../../src/fleet/slots/slots.ts'
import type { Run } from '../../src/run/run.ts'
import { test, until } from '../support/database.ts'
import { makeRun } from '../support/make-run.ts'

async function list(run: Run): Promise<readonly Listed[]> {
  const all: Listed[] = []
  await listSchemas(run, (one) => all.push(one))
  return all
}

describe('the schemas of a fleet', () => {
  test('are those that the patterns name, each once, in order, and none of Postgres or ours', async ({ db }) => {
    for (const name of ['tenant_2', 'tenant_1', 'tenantx3', 'Tenant_4', 'mandant ä', 'upfront', 'a%b', 'aXb'])
      await db.query(`create schema "${name}"`)
    const names = async (patterns: string) => {
      const { run } = await makeRun(db, { UPFRONT_FLEET_SCHEMAS: patterns })
      return (await list(run)).map(({ name }) => name)
    }
    expect(await names('tenant_*')).toEqual(['tenant_1', 'tenant_2'])
    expect(await names('tenant_*, mandant*,tenant_1')).toEqual(['mandant ä', 'tenant_1', 'tenant_2'])
    expect(await names('a%b')).toEqual(['a%b'])
    expect(await names('*')).toEqual(['Tenant_4', 'a%b', 'aXb', 'mandant ä', 'tenant_1', 'tenant_2', 'tenantx3'])
    expect(await names('*,public')).toContain('public')
    await expect(names('tenant_*,none_*')).rejects.toThrow(/no schema is called none_\*/)
  })

  test('lead to the schema and to what is shared behind it', async ({ db }) => {
    await db.query('create schema tenant_1')
    const { run } = await makeRun(db, { UPFRONT_FLEET_SCHEMAS: 'tenant_*' })
    const one = (await list(run))[0]!.open()
    expect(one).toMatchObject({ name: 'tenant_1', schema: 'tenant_1', group: null })
    expect(one.target.searchPath).toEqual(['tenant_1', 'public'])
    expect(one.target.database).toBe(db.name)
  })
})

describe('places on a server', () => {
  const cap = { UPFRONT_FLEET_CONNECTIONS: '8' }

  test('are shared by all shards, and each of them gets some', async ({ db }) => {
    let now = 0
    let most = 0
    const done: number[] = []
    const shard = async (index: number) => {
      const { run } = await makeRun(db, cap)
      const slots = openSlots(run, run.config.target)
      const one = () =>
        slots.with(run.config.target!, async () => {
          most = Math.max(most, (now += 1))
          await sleep(30)
          now -= 1
          done.push(index)
        })
      await Promise.all(Array.from({ length: 25 }, one))
      await slots.close()
    }
    await Promise.all([0, 1, 2].map(shard))
    expect(most).toBe(4)
    expect(done.length).toBe(75)
    // Nobody waits until another has done all of its own.
    expect(new Set(done.slice(0, 50))).toEqual(new Set([0, 1, 2]))
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('are capped in one process without a central database', async ({ db }) => {
    const { run } = await makeRun(db, { UPFRONT_FLEET_CONNECTIONS: '4' })
    const slots = openSlots(run, null)
    let now = 0
    let most = 0
    const one = () =>
      slots.with(run.config.target!, async () => {
        most = Math.max(most, (now += 1))
        await sleep(10)
        now -= 1
      })
    await Promise.all(Array.from({ length: 12 }, one))
    expect(most).toBe(2)
  })

  test('become fewer when the server has no more connections, and no tenant fails of it', async ({ db }) => {
    const { run } = await makeRun(db, cap)
    const slots = openSlots(run, run.config.target)
    let now = 0
    let refused = 0
    const one = () =>
      slots.with(run.config.target!, async () => {
        now += 1
        await sleep(100)
        now -= 1
        if (now < 2) return
        refused += 1
        throw new Failure('NOT_READY', 'sorry', { sqlstate: '53300' })
      })
    await Promise.all(Array.from({ length: 8 }, one))
    expect(refused).toBeGreaterThan(0)
    const denied = slots.with(run.config.target!, () =>
      Promise.reject(new Failure('FAILED', 'no', { sqlstate: '42601' })),
    )
    await expect(denied).rejects.toThrow('no')
    await slots.close()
  })

  test('are as many as before when it is one database that lets nobody in', async ({ db }) => {
    const { run } = await makeRun(db, cap)
    const slots = openSlots(run, run.config.target)
    const full = Object.assign(new Error('too many connections'), { code: '53300', routine: 'CheckMyDatabase' })
    let tries = 0
    const closed = slots.with({ ...run.config.target!, database: 'closed' }, () => ((tries += 1), Promise.reject(full)))
    await expect(closed).rejects.toBe(full)
    expect(tries).toBe(2)
    let now = 0
    let most = 0
    const one = () =>
      slots.with(run.config.target!, async () => {
        most = Math.max(most, (now += 1))
        await sleep(200)
        now -= 1
      })
    await Promise.all(Array.from({ length: 8 }, one))
    // On a busy machine not all four need meet.
    expect(most).toBeGreaterThan(2)
    await slots.close()
  })

  test('are free again when a shard dies, and go on when its session is ended', async ({ db }) => {
    const { run } = await makeRun(db, { UPFRONT_FLEET_CONNECTIONS: '2' })
    const [first, second] = [openSlots(run, run.config.target), openSlots(run, run.config.target)]
    let end = () => {}
    const holding = first.with(run.config.target!, () => new Promise<void>((resolve) => (end = resolve)))
    await until(async () => (await db.leftovers()).locks > 0, 'the place is taken')
    let got = false
    const waiting = second.with(run.config.target!, async () => void (got = true))
    await sleep(400)
    expect(got).toBe(false)
    await db.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = '${db.name}' and application_name like 'upfront/%'`)
    await waiting
    end()
    await holding
    await Promise.all([first.close(), second.close()])
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })

  test('are given up when the run has to stop', async ({ db }) => {
    const stop = new AbortController()
    const { run } = await makeRun(db, { UPFRONT_FLEET_CONNECTIONS: '1' }, stop.signal)
    const slots = openSlots(run, run.config.target)
    let hasPlace = false
    const holding = slots.with(run.config.target!, () => ((hasPlace = true), sleep(300)))
    const waiting = slots.with(run.config.target!, async () => 'never')
    // On a busy machine it takes its time to open.
    void until(() => hasPlace, 'one has a place').then(() => stop.abort(new Failure('INTERRUPTED_TERM', 'stopped')))
    await expect(waiting).rejects.toThrow('stopped')
    await holding
    await slots.close()
    expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
  })
})
