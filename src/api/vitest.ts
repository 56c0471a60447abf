import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { availableMemory, env } from 'node:process'
import type { TestProject } from 'vitest/node'
import { testName } from '../config/settings.ts'
import type { Server } from '../embedded/postgres.ts'
import type { Options } from './options.ts'
import { type TestDatabase, createTestDatabase } from './test-database.ts'

export type { TestDatabase }

/** What the set-up gives to the tests; all of it can be sent to another process. */
export interface Provided {
  /** A database with every migration and the seeds, which all tests share. */
  readonly url: string
  /** How each test makes one of its own. */
  readonly options: Pick<Options, 'migrationsDir' | 'seedsDir' | 'seed' | 'settings'> & { readonly databaseUrl: string }
}

declare module 'vitest' {
  export interface ProvidedContext {
    upfront: Provided
  }
}

/** What may differ from the defaults; nothing has to be given, and paths are below vitest's root. */
export interface SetupOptions {
  /** Default `migrations`. */
  readonly migrationsDir?: string
  /** Default `seeds`. */
  readonly seedsDir?: string
  /** The environment whose seeds run, null for none; default `test`, if there is a folder of seeds. */
  readonly seed?: string | null
  /** A server on which databases may be made; default UPFRONT_TEST_DATABASE_URL, else an embedded Postgres. */
  readonly databaseUrl?: string
  /** As of `up` and the others. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * A global set-up for vitest that waits for a server, or starts one, and migrates and seeds a database; what it returns
 * takes all of it away again.
 */
export function testDatabases(given: SetupOptions = {}): (project: TestProject) => Promise<() => Promise<void>> {
  return async (project) => {
    const url = given.databaseUrl || env[testName]
    const server = url ? undefined : await startServer()
    try {
      const options = makeOptions(given, project.config.root, url || server!.url)
      const shared = await createTestDatabase(options)
      project.provide('upfront', { url: shared.url, options })
      return async () => {
        if (server) await server.stop('immediate')
        else await shared.drop()
      }
    } catch (error) {
      await server?.stop('immediate')
      throw error
    }
  }
}

/** The set-up with all its defaults, for `globalSetup: 'upfront/vitest'`. */
export default testDatabases()

/** A database that nobody else has, like the one of the set-up; to be dropped by who asked for it. */
export async function createDatabase(): Promise<TestDatabase> {
  // Only here, because vitest 3 lets no set-up import it.
  const { inject } = await import('vitest')
  return createTestDatabase(inject('upfront').options)
}

/** To extend vitest's `test` by: a `database` for each test that asks for one, dropped when the test is over. */
export const databaseFixture = {
  // oxlint-disable-next-line no-empty-pattern -- vitest reads from the pattern what a fixture needs
  database: async ({}, use: (database: TestDatabase) => Promise<void>): Promise<void> => {
    const database = await createDatabase()
    try {
      await use(database)
    } finally {
      await database.drop()
    }
  },
}

async function startServer(): Promise<Server> {
  const { openEmbedded } = await import('../embedded/with-embedded.ts')
  const { memoryFolder } = await import('../embedded/memory.ts')
  // Who sets TMPDIR says where such things belong.
  const dataIn = env['TMPDIR'] === undefined ? memoryFolder(availableMemory()) : undefined
  // Test files run side by side, each with a pool of its own; and the log that nobody replays need not be long.
  const settings = { max_connections: '300', max_wal_size: '128MB' }
  return openEmbedded(testName, { settings, ...(dataIn === undefined ? {} : { dataIn }) })
}

function makeOptions(given: SetupOptions, root: string, databaseUrl: string): Provided['options'] {
  const migrationsDir = resolve(root, given.migrationsDir ?? 'migrations')
  const seedsDir = resolve(root, given.seedsDir ?? 'seeds')
  const seed = given.seed === undefined && existsSync(seedsDir) ? 'test' : given.seed
  const { settings } = given
  return { databaseUrl, migrationsDir, seedsDir, ...(seed ? { seed } : {}), ...(settings ? { settings } : {}) }
}
