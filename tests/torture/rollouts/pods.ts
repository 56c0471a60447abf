// Pods of the application: each passes the gate, then holds a lease by a role of its own, so that one of them can be cut off.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { type Database, until } from '../../support/database.ts'
import { type Outcome, interruption } from '../../support/run.ts'
import type { Image } from './images.ts'

export const ttlMs = 2_000

export interface Pod {
  readonly id: number
  readonly image: Image
  /** How the gate refused it; undefined for one that has passed. */
  readonly refused: () => Outcome | undefined
  /** Whether the application may work on: it holds, or its session says that it is there. */
  readonly isProtected: () => boolean
  /** Somebody said that nobody else was there, so what it needs may be gone. */
  wronged: boolean
  over: boolean
  pause(): Promise<void>
  resume(): Promise<void>
  kill(): Promise<void>
  release(): Promise<Outcome>
  /** The application connects, as `pattern` has it. */
  connect(): Promise<void>
}

let count = 0

/** Resolves when the gate is passed, or has refused. `sessions` says whether its sessions bear its version. */
export async function startPod(db: Database, image: Image, group: string, sessions: boolean): Promise<Pod> {
  const id = (count += 1)
  const user = `${group}_${id}`
  await db.query(`create role ${user} login in role ${group} password 'pod'`)
  const url = db.urlOf({ user, password: 'pod' })
  const ready = join(db.dir, `ready${id}`)
  const stop = new AbortController()
  let outcome: Outcome | undefined
  let client: pg.Client | undefined
  const env = { ...image.env, UPFRONT_DATABASE_URL: url, UPFRONT_WAIT_TIMEOUT: '1s', UPFRONT_LEASE_TTL: `${ttlMs}ms` }
  const ended = db
    .run(['wait', '--hold', '--ready-file', ready], { ...env, UPFRONT_AUTH_GRACE: '0' }, stop.signal)
    .then((it) => (outcome = it))
  const disconnect = async () => {
    const old = client
    client = undefined
    await old?.end().catch(() => {})
  }
  const pod: Pod = {
    id,
    image,
    wronged: false,
    over: false,
    refused: () => outcome,
    isProtected: () => !pod.wronged && !pod.over && (existsSync(ready) || client !== undefined),
    pause: async () => void (await db.query(`alter role ${user} nologin`)),
    resume: async () => void (await db.query(`alter role ${user} login`)),
    kill: async () => {
      pod.over = true
      await disconnect()
      await db.query(`alter role ${user} nologin`)
      await db.query(`select pg_terminate_backend(pid, 1000) from pg_stat_activity where usename = '${user}'`)
      stop.abort(interruption('SIGTERM'))
      await ended
    },
    release: async () => {
      pod.over = true
      await disconnect()
      stop.abort(interruption('SIGTERM'))
      return ended
    },
    connect: async () => {
      if (!sessions || client !== undefined) return
      const own = await db.connect(`${url}?application_name=shop/${image.n}.0`).catch(() => undefined)
      own?.once('end', () => (client = client === own ? undefined : client))
      client = own
    },
  }
  await until(() => outcome !== undefined || existsSync(ready), `pod ${id} holds or is refused`, 30_000)
  if (outcome !== undefined) pod.over = true
  else await pod.connect()
  return pod
}
