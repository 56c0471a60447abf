// What has to be true after every event of a walk.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { bundleCount } from './bundles.ts'
import { type Held, type Tenant, type World, look } from './world.ts'

/** What `fleet status --json` answers. */
export interface Status {
  readonly tenants: number
  readonly done: number
  readonly failed: number
  readonly running: number
  readonly behind: number
  readonly new: number
  readonly not_done: readonly { readonly name: string; readonly state: string }[]
}

export async function statusOf(world: World, env: Readonly<Record<string, string>>, flags: readonly string[] = []) {
  const { exitCode, stdout, stderr } = await world.db.run(['fleet', 'status', '--json', ...flags], env)
  expect(exitCode, stderr).toBe(0)
  return JSON.parse(stdout) as Status
}

export async function checkAll(world: World): Promise<void> {
  await expectNothingLeft(world)
  const held = new Map<Tenant, Held>()
  for (const one of world.tenants.values()) held.set(one, await look(world, one))
  for (const [one, { history, half, ran }] of held) {
    const about = `${one.name}: history ${history.join()}, half ${half.join()}`
    const steps = world.bundles[bundleCount - 1]!
    const done = steps.filter(({ name }) => history.includes(name)).map(({ n }) => n)
    const maybe = steps.filter(({ name }) => half.some((row) => row.startsWith(name))).map(({ n }) => n)
    const byHand = steps.filter(({ n }) => one.filledTo !== undefined && n <= one.filledTo.n).map(({ n }) => n)
    const twice = ran.filter((n, i) => ran.indexOf(n) !== i)
    expect(twice, `ran twice in ${about}`).toEqual([])
    expect(done.filter((n) => !ran.includes(n)), `in the history and never ran: ${about}`).toEqual([]) // prettier-ignore
    expect(ran.filter((n) => ![...done, ...maybe, ...byHand].includes(n)), `ran and not in the history: ${about}`).toEqual([]) // prettier-ignore
  }
  await expectLedgerTrue(world, held)
  const stray = await world.db.query<{ name: string }>(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relname ~ '^(ran|t\\d|upfront_)'`,
  )
  expect(stray, 'tables in public of the central database').toEqual([])
}

/** No session and no lock of ours on the server. */
async function expectNothingLeft({ db }: World): Promise<void> {
  const count = async () =>
    (
      await db.query<{ left: string }>(
        `select application_name || ': ' || left(query, 60) as left from pg_stat_activity where application_name like 'upfront/%'
         union all select 'lock of ' || pid from pg_locks where locktype = 'advisory'`,
      )
    ).map(({ left }) => left)
  let left = await count()
  for (const end = performance.now() + 8_000; left.length > 0 && performance.now() < end;) {
    await sleep(20)
    left = await count()
  }
  expect(left, 'left on the server').toEqual([])
}

interface LedgerRow {
  readonly target: string
  readonly bundle: string
  readonly deferred: boolean
  readonly started: Date
}

/** Who is done by the ledger has every migration of that bundle, but for contract migrations that it says are left. */
async function expectLedgerTrue(world: World, held: ReadonlyMap<Tenant, Held>): Promise<void> {
  const { db, tenants, bundles } = world
  const [there] = await db.query<{ there: boolean }>(`select to_regclass('upfront.fleet') is not null as there`)
  const rows = there!.there ? await db.query<LedgerRow>('select target, bundle, deferred, started from upfront.fleet') : [] // prettier-ignore
  const said = new Set(rows.map(({ bundle }) => bundle))
  for (const [bundle, steps] of bundles.entries()) {
    // Of a bundle that it never speaks of nobody is done.
    if (!said.has(world.digests[bundle]!)) continue
    const status = await statusOf(world, world.env(bundle))
    const { done, failed, running, behind, new: fresh, tenants: count, not_done: notDone } = status
    expect(done + failed + running + behind + fresh, 'states of fleet status').toBe(count)
    expect(count).toBe(tenants.size)
    expect(notDone.length).toBe(count - done)
    const left = new Set(notDone.map(({ name }) => name))
    for (const [one, { history }] of held) {
      if (left.has(one.name)) continue
      const row = rows.find(({ target }) => target === one.name)
      expect(row, `${one.name} is done, and has no row`).toBeDefined()
      if (one.downAt !== undefined && row!.started < one.downAt) continue
      const needed = steps.filter(({ kind }) => !(row!.deferred && kind === 'contract')).map(({ name }) => name)
      const about = `done of b${bundle + 1} by the ledger${row!.deferred ? ', but for contract' : ''}, without: (${one.name})`
      expect(needed.filter((name) => !history.includes(name)), about).toEqual([]) // prettier-ignore
    }
  }
}
