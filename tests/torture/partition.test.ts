// Real partitions: a runner in a network namespace of its own, and packets that vanish.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { type Database, until, withDatabase } from '../support/database.ts'
import { addSeconds } from './harness/figures.ts'
import { type Host, withHosts, withoutNamespaces } from './harness/network.ts'
import { type Process, startProgram } from './harness/program.ts'
import { withServer } from './harness/server.ts'

const note = (name: string) => `insert into ledger (name) values ('${name}')`
const first = { '001_ledger.sql': `create table ledger (name text); ${note('001')}` }
const files = {
  statement: () => ({
    ...first,
    '002_stuck.sql': `${note('002')};
      do $$ begin if to_regclass('go') is null then perform pg_sleep(100); end if; end $$`,
  }),
  idle: (db: Database) => ({
    ...first,
    '002_stuck.mjs': `import { existsSync } from 'node:fs'
      export async function up(client) {
        await client.query(${JSON.stringify(note('002'))})
        for (let i = 0; i < 1000 && !existsSync(${JSON.stringify(join(db.dir, 'go'))}); i += 1)
          await new Promise((resolve) => setTimeout(resolve, 100))
      }`,
  }),
}
const states = { statement: `wait_event = 'PgSleep'`, idle: `state = 'idle in transaction'` }

interface Scene {
  readonly db: Database
  readonly holder: Process
  readonly cut: () => void
  /** Another runner, from a host that is well. */
  startSuccessor(): Process
  /** Resolves when a session other than the holder's has the lock; answers the milliseconds since the cut. */
  untilTaken(): Promise<number>
}

/** A holder on a host of its own has come into the second migration. */
async function withScene(where: 'statement' | 'idle', use: (scene: Scene) => Promise<void>): Promise<void> {
  await withHosts(2, async ([theirs, other]) => {
    const settings = { listen_addresses: ['127.0.0.1', theirs!.gateway, other!.gateway].join() }
    await withServer({ settings, hba: 'host all all 10.217.0.0/16 scram-sha-256' }, (server) =>
      withDatabase(server.url, async (db) => {
        db.files(files[where](db))
        const start = ({ prefix, gateway }: Host, env = {}) => {
          const url = db.urlOf({ host: gateway })
          return startProgram(inject('program'), {
            env: { ...db.env, UPFRONT_LOCK_WAIT: '90s', ...env, UPFRONT_DATABASE_URL: url },
            cwd: db.dir,
            prefix,
          })
        }
        const holder = start(theirs!, { UPFRONT_WAIT_TIMEOUT: '3s' })
        let pid = 0
        await until(async () => {
          const [row] = await db.query<{ pid: number }>(`select pid from pg_stat_activity
            where datname = current_database() and application_name like 'upfront/%' and ${states[where]}`)
          pid = row?.pid ?? 0
          return pid !== 0
        }, 'the holder is in its migration')
        await db.query('create table go ()')
        let cutAt = 0
        try {
          await use({
            db,
            holder,
            cut: () => {
              theirs!.cut()
              cutAt = performance.now()
              if (where === 'idle') writeFileSync(join(db.dir, 'go'), '')
            },
            startSuccessor: () => start(other!),
            untilTaken: async () => {
              // It may be done with it between two looks.
              const sql = `select from pg_locks where locktype = 'advisory' and granted and pid <> ${pid}
                union all select from upfront.history where name = '002_stuck' and state = 'applied'`
              await until(async () => (await db.query(sql)).length > 0, 'the successor has the lock', 90_000)
              return performance.now() - cutAt
            },
          })
        } finally {
          holder.kill('SIGKILL')
        }
      }),
    )
  })
}

async function expectOnce(db: Database) {
  expect(await db.query('select name from ledger order by name')).toEqual([{ name: '001' }, { name: '002' }])
  expect(await db.history()).toEqual(['migration 001_ledger applied', 'migration 002_stuck applied'])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
}

describe.skipIf(withoutNamespaces !== undefined)('a partition', () => {
  test.concurrent(
    'inside a statement: the runner ends as lost, its successor goes on within a minute',
    async ({ task }) => {
      await withScene('statement', async ({ db, holder, cut, startSuccessor, untilTaken }) => {
        const successor = startSuccessor()
        cut()
        const cutAt = performance.now()
        const lost = holder.ended.then((end) => ({ ...end, tookMs: performance.now() - cutAt }))
        const tookMs = await untilTaken()
        const { exitCode, stderr } = await successor.ended
        expect(exitCode, stderr).toBe(0)
        addSeconds(task, 'successorAfterBlackHole', tookMs)
        expect(tookMs).toBeLessThan(60_000)
        const end = await lost
        expect(end.exitCode, end.stderr).toBe(32)
        expect(end.stderr).toMatch(/^disconnected /m)
        expect(end.tookMs).toBeLessThan(60_000)
        await expectOnce(db)
      })
    },
  )

  test.concurrent(
    'and the runner dies unheard (its node is lost): the successor waits, and goes on',
    async ({ task }) => {
      await withScene('idle', async ({ db, holder, cut, startSuccessor, untilTaken }) => {
        cut()
        holder.kill('SIGKILL')
        await holder.ended
        const successor = startSuccessor()
        const tookMs = await untilTaken()
        const { exitCode, stderr } = await successor.ended
        expect(exitCode, stderr).toBe(0)
        expect(stderr).toMatch(/another runner holds the lock/)
        addSeconds(task, 'successorAfterNodeLoss', tookMs)
        expect(tookMs).toBeLessThan(60_000)
        await expectOnce(db)
      })
    },
  )
})
