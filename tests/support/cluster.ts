// One server for all tests that need one; each test makes its own database in it.
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../src/embedded/postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of the superuser, for the database postgres. */
    postgresUrl: string
  }
}

/** Starts the cluster before the first test and answers how to stop it after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Another major version: a folder that contains its `native/`.
  const majorDir = process.env.TEST_POSTGRES_DIR
  const server = await startPostgres({ settings: { max_connections: '200' }, ...(majorDir ? { majorDir } : {}) })
  project.provide('postgresUrl', server.url)
  return () => server.stop('immediate')
}
