import type { Identity } from '../../src/migration.ts'

/** Everything that a folder or a bundle has, ready to run. */
export async function openAll<T>(bundle: {
  readonly list: () => Promise<readonly Identity[]>
  readonly open: (which: readonly Identity[]) => Promise<readonly T[]>
}): Promise<readonly T[]> {
  return bundle.open(await bundle.list())
}
