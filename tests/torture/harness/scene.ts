// The database of a trial: which role works in it, and in which encoding.
import pg from 'pg'
import { type Database, withDatabase } from '../../support/database.ts'
import { type Picture, paintGolden } from './picture.ts'
import type { Scenario } from './scenario.ts'
import { empty, inTurns } from './turns.ts'

/** What a run meets, besides a fault. */
export interface Setting {
  readonly scenario: Scenario
  /** Who may do all, or the owner of the database, who has two connections and is bound by its own policies. */
  readonly role: 'superuser' | 'limited owner'
  readonly encoding: 'UTF8' | 'LATIN1'
}

/** A database as the setting wants it. */
export interface Scene {
  readonly db: Database
  readonly scenario: Scenario
  /** As the role of the setting, by the server's own port or another. */
  urlBy(port?: number): string
  /** The name of that role, when it is not the superuser. */
  readonly owner: string | undefined
}

export const describeSetting = ({ scenario, role, encoding }: Setting) => `${scenario.name}, ${role}, ${encoding}`

/** Runs `use` with such a database; nothing of it is left afterwards. */
export async function withScene(serverUrl: string, setting: Setting, use: (scene: Scene) => Promise<void>) {
  await withDatabase(serverUrl, async (db) => {
    if (setting.encoding === 'LATIN1') await recreate(serverUrl, db.name)
    const { scenario } = setting
    if (setting.role === 'superuser') {
      return use({ db, scenario, owner: undefined, urlBy: (port) => db.urlOf(port === undefined ? {} : { port }) })
    }
    const { user, password } = await db.role('login connection limit 2')
    await db.query(`alter database ${db.name} owner to ${user}`)
    const urlBy = (port?: number) => db.urlOf({ user, password, ...(port === undefined ? {} : { port }) })
    await use({ db, scenario, owner: user, urlBy })
  })
}

async function recreate(serverUrl: string, name: string): Promise<void> {
  const admin = new pg.Client({ connectionString: serverUrl })
  await admin.connect()
  try {
    await admin.query(`drop database ${name}`)
    await admin.query(`create database ${name} template template0 encoding 'LATIN1' locale 'C'`)
  } finally {
    await admin.end()
  }
}

/** Does all of it, so many at once, each worker in a database that is emptied for each turn: cheaper than a new one. */
export async function inScenes<T, R>(
  serverUrl: string,
  { setting, atOnce }: { readonly setting: Setting; readonly atOnce: number },
  list: readonly T[],
  work: (scene: Scene, one: T) => Promise<R>,
): Promise<R[]> {
  const indexes = list.keys()
  const results: R[] = []
  const worker = () =>
    withScene(serverUrl, setting, async (scene) => {
      for (const index of indexes) {
        await empty(scene.db, scene.owner)
        results[index] = await work(scene, list[index]!)
      }
    })
  await inTurns(atOnce, list.slice(0, atOnce), worker)
  return results
}

/** What may be seen after each unit of the setting's scenario. */
export async function paintSetting(serverUrl: string, setting: Setting): Promise<readonly Picture[]> {
  let pictures: readonly Picture[] = []
  await withScene(serverUrl, setting, async ({ db, scenario, owner, urlBy }) => {
    await empty(db, owner)
    pictures = await paintGolden(scenario, urlBy(), db.query)
  })
  return pictures
}
