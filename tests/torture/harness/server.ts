// Servers of a test's own, of the version that is being tested.
import { type PostgresOptions, type Server, withPostgres } from '../../../src/embedded/postgres.ts'

/** Another major version: a folder that contains its `native/`. */
const majorDir = process.env['TEST_POSTGRES_DIR']

export const version: PostgresOptions = majorDir ? { majorDir } : {}

/** Runs `use` with a server that is gone afterwards, whatever happens. */
export function withServer<T>(options: PostgresOptions, use: (server: Server) => Promise<T>): Promise<T> {
  return withPostgres({ ...version, ...options }, use)
}
