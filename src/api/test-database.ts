import { findUrl, urlOfDatabase } from '../config/database/with-database.ts'
import { call } from './call.ts'
import { fewAtOnce } from './few-at-once.ts'
import type { Options } from './options.ts'

/** A database of its own, with every migration and the seeds that were asked for. */
export interface TestDatabase {
  /** The URL that was given, with this database in it. */
  readonly url: string
  readonly name: string
  /** Drops it and ends the sessions in it; calling it again when it is gone does nothing. */
  drop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A test suite may ask for hundreds in one moment; the server copies files for each, and gives each a connection. */
const inTurn = fewAtOnce(4)

/**
 * A fresh database on the server of `databaseUrl`, whose own database only has to exist. The first call for a bundle and
 * its seeds migrates a template, which is locked, so that parallel processes share it; every further one copies that.
 */
export async function createTestDatabase(options: Options): Promise<TestDatabase> {
  const text = options.databaseUrl ?? findUrl(options.env ?? {})
  let made: string | undefined
  const { name, url } = await inTurn(() =>
    call(options, async (run) => {
      const { cloneForTest } = await import('../run/test-database/clone.ts')
      const { up } = await import('../commands/up.ts')
      const name = await cloneForTest(run, up)
      made = name
      return { name, url: urlOfDatabase(text, run.config.target!, name) }
    }),
  ).catch(async (error: unknown) => {
    // The listener has thrown: nobody will ever know the name.
    if (made !== undefined) await dropOne({ ...options, onEvent: () => {} }, made).catch(() => {})
    throw error
  })
  let dropping: Promise<void> | undefined
  const drop = () =>
    (dropping ??= dropOne(options, name).catch((error: unknown) => {
      dropping = undefined
      throw error
    }))
  return { url, name, drop, [Symbol.asyncDispose]: drop }
}

/** What stops the making does not stop the cleaning up. */
function dropOne(options: Options, name: string): Promise<void> {
  const { signal } = new AbortController()
  const drop = async () => {
    const { dropClone } = await import('../run/test-database/clone.ts')
    await call({ ...options, signal }, (run) => dropClone(run, name))
  }
  // First, or a thousand would be made before one goes.
  return inTurn(drop, 'first')
}

/**
 * Drops the templates, and the databases for tests that were left by runs that were killed: those made by way of this
 * URL in which nobody is. Answers their names; what is asked for later is made anew.
 */
export function dropTestDatabases(options: Options): Promise<readonly string[]> {
  return call(options, async (run) => (await import('../run/test-database/clone.ts')).dropAll(run))
}
