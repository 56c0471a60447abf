/** Runs `use` with the URL of an empty server of its own, which is gone afterwards; throws USAGE where no Postgres is installed. */
export async function withEmbedded<T>(use: (url: string) => Promise<T>): Promise<T> {
  throw new Error(`not yet: ${String(use)}`)
}
