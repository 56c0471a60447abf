import type { Target } from '../../config/database/target.ts'
import { Failure } from '../../errors.ts'
import { pause } from '../../postgres/pause.ts'
import type { Run } from '../../run/run.ts'
import { ofCentral } from '../keep-central.ts'
import { makeServerOf } from './server-of.ts'
import { type Held, type Places, lockedPlaces, ownPlaces } from './slot-locks.ts'

/** Places on the servers of a fleet. */
export interface Slots {
  /**
   * Waits for a place on the target's server and keeps it while `use` runs. A failure that says the server has no more
   * connections (53300) or memory (53200) lowers the cap there, and `use` runs again.
   */
  with<Result>(target: Target, use: () => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** A tenant's session, and the one that looks at it when it takes long. */
const connectionsOfTarget = 2

const shortestPauseMs = 10
const longestPauseMs = 50
const afterCrowdedMs = 1_000
const triesWhenCrowded = 8
/** Where a database is full without us, as one that lets nobody in (connection limit 0). */
const triesWhenFull = 2

/** What is known of one server. */
interface Server {
  readonly name: string
  /** Places up to this one are taken; lower than the cap while the server has no more. */
  last: number
  /** How often it went well since that was changed. */
  calm: number
  /** The database of each that has a place. */
  readonly users: string[]
  /** Who waits here: one of them asks, the others come after it. */
  queue: Promise<unknown>
}

/**
 * Makes the places: as many on each server as UPFRONT_FLEET_CONNECTIONS allows, shared by all shards that have the same
 * central database; without one, by what this process does. Nothing is connected before the first place is asked for.
 */
export function openSlots(run: Run, central: Target | null): Slots {
  const { signal } = run
  const most = Math.max(1, Math.floor(run.config.fleet.connections / connectionsOfTarget))
  const serverOf = makeServerOf(run, central)
  const servers = new Map<string, Server>()
  const keeper = keepPlaces(run, central)

  const find = async (target: Target): Promise<Server> => {
    const name = await serverOf((await keeper.get()).session)(target)
    const server = servers.get(name) ?? { name, last: most, calm: 0, users: [], queue: Promise.resolve() }
    servers.set(name, server)
    return server
  }

  const waitForPlace = async (server: Server): Promise<number> => {
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      const place = await keeper.take(server)
      if (place !== null) return place
      await pause(pauseMs * (0.5 + Math.random()), signal)
    }
  }

  return {
    async with(target, use) {
      const server = await find(target)
      for (let tries = 1; ; tries += 1) {
        const mine = server.queue.then(() => waitForPlace(server))
        server.queue = mine.catch(() => {})
        const place = await mine
        server.users.push(target.database)
        try {
          const result = await use()
          raise(server, most)
          return result
        } catch (error) {
          if (!isCrowded(error) || signal.aborted) throw error
          const isOthers = isOfDatabase(error) && server.users.filter((one) => one === target.database).length === 1
          if (tries >= (isOthers ? triesWhenFull : triesWhenCrowded)) throw error
          if (!isOthers) lower(server)
        } finally {
          server.users.splice(server.users.indexOf(target.database), 1)
          await keeper.give(server, place)
        }
        await pause(afterCrowdedMs * (0.5 + Math.random()), signal)
      }
    },
    close: keeper.close,
  }
}

/** The places as long as there is a session of the central database, and again when that was lost. */
function keepPlaces(run: Run, central: Target | null) {
  const held: Held = new Map()
  let opened: Promise<Places> | undefined
  let queue: Promise<unknown> = Promise.resolve()

  const open = async (): Promise<Places> => {
    const places = central && (await lockedPlaces(run, central, held))
    if (central !== null && places === null) {
      const message =
        'a pooler in transaction mode stands before the central database, so each shard caps its connections for itself'
      run.emit({ type: 'warning', message })
    }
    return places ?? ownPlaces(held)
  }
  const get = () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      run.signal.throwIfAborted()
      throw error instanceof Failure ? ofCentral(error) : error
    })
    return opened
  }
  // One after the other, because two that look at the same time find the same place.
  const inTurn = <Result>(ask: () => Promise<Result>): Promise<Result> => {
    const next = queue.then(ask)
    queue = next.catch(() => {})
    return next
  }
  const again = async <Result>(ask: (places: Places) => Promise<Result>): Promise<Result> => {
    const places = await get()
    return ask(places).catch(async (error: unknown) => {
      run.signal.throwIfAborted()
      await places.close().catch(() => {})
      opened = undefined
      return ask(await get()).catch(() => Promise.reject(error instanceof Failure ? error : noPlaces(error)))
    })
  }
  return {
    get,
    take: ({ name, last }: Server) => inTurn(() => again((places) => places.take(name, last))),
    give: ({ name }: Server, place: number) =>
      inTurn(async () => (await get()).give(name, place)).catch(() => {
        held.get(name)?.delete(place)
      }),
    close: async () => {
      await (await opened?.catch(() => undefined))?.close()
    },
  }
}

function noPlaces(cause: unknown): Failure {
  const { message: reason, code } = cause as Error & { code?: string }
  const sqlstate = code === undefined ? {} : { sqlstate: code }
  const next = 'Mend it there, and run it again: the ledger says who is done.'
  return ofCentral(
    new Failure('LOST', 'places on a server could not be shared there', { ...sqlstate, reason, next }, cause),
  )
}

/** Whether a server said that it has no room for one more. */
export function isCrowded(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const sqlstate = at instanceof Failure ? at.facts.sqlstate : (at as { code?: string }).code
    if (sqlstate === '53300' || sqlstate === '53200') return true
  }
  return false
}

/** Whether it is that one database which has no room, by the function of Postgres that says so in any language. */
function isOfDatabase(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if ((at as { routine?: string }).routine === 'CheckMyDatabase') return true
  return false
}

function lower(server: Server): void {
  server.last = Math.max(1, Math.floor(server.last / 2))
  server.calm = 0
}

/** One more, after all that there are have gone well twice. */
function raise(server: Server, most: number): void {
  if (server.last >= most || (server.calm += 1) < server.last * 2) return
  server.last += 1
  server.calm = 0
}
