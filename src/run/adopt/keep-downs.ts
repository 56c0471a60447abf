import { Failure } from '../../errors.ts'
import type { Bundle, Identity, Migration } from '../../migration.ts'
import type { Run } from '../run.ts'

/** Migrations that have run elsewhere, with their downs; one that is wrong is warned of and not kept. */
export async function keepDowns({ emit }: Run, bundle: Bundle, migrations: readonly Identity[]) {
  const found: (Identity & Pick<Migration, 'down'>)[] = []
  for (const migration of migrations) {
    const down = await bundle.openDown(migration).catch((error: unknown) => {
      if (!(error instanceof Failure) || error.code !== 'INVALID') throw error
      emit({
        type: 'warning',
        message: `the down of ${migration.name} is wrong and was not kept; upfront compile says why`,
      })
      return null
    })
    const { name, file, checksum, contract } = migration
    found.push({ name, file, checksum, ...(contract ? { contract } : {}), down: down?.sql ?? null })
  }
  return found
}
