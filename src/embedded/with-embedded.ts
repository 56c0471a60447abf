import { Failure } from '../errors.ts'
import { installedDir } from './installed.ts'
import { type Server, type Settings, startPostgres } from './postgres.ts'

/** Runs `use` with the URL of an empty server of its own, which is gone afterwards; throws USAGE where no Postgres is installed. */
export async function withEmbedded<T>(use: (url: string) => Promise<T>): Promise<T> {
  const server = await openEmbedded('UPFRONT_SHADOW_DATABASE_URL')
  try {
    return await use(server.url)
  } finally {
    await server.stop()
  }
}

/**
 * Starts such a server, to be stopped by who asked; `instead` is the variable by which people name one of their own.
 * Throws USAGE where none is installed, and NOT_READY with Postgres' words where it does not start.
 */
export async function openEmbedded(
  instead: string,
  options: { readonly settings?: Settings; readonly dataIn?: string } = {},
): Promise<Server> {
  const majorDir = installedDir(instead)
  try {
    return await startPostgres({ ...options, majorDir })
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure(
      'NOT_READY',
      'the embedded Postgres did not start',
      {
        reason: error instanceof Error ? error.message.trim() : String(error),
        next: `Its programs are those of ${majorDir}. Or name a server on which databases may be made: ${instead}.`,
      },
      error,
    )
  }
}
