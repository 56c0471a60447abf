import { nearest } from '../../config/nearest.ts'
import { Failure } from '../../errors.ts'
import { bareName } from '../../folder/bare-name.ts'
import type { Identity } from '../../migration.ts'

/** The migrations up to the one of that name, with or without its extension; all of them without a name, USAGE for a wrong one. */
export function upTo(migrations: readonly Identity[], to: string | true | undefined): readonly Identity[] {
  if (typeof to !== 'string') return migrations
  const names = migrations.map(({ name }) => name)
  // A name may have a folder in it.
  const bare = names.some((name) => name.normalize('NFC') === to.normalize('NFC')) ? to : bareName(to)
  const last = names.findIndex((name) => name.normalize('NFC') === bare.normalize('NFC'))
  if (last !== -1) return migrations.slice(0, last + 1)
  const meant = nearest(bare, names) ?? names.find((name) => name.startsWith(bare))
  throw new Failure('USAGE', `there is no migration ${to}`, {
    next: meant
      ? `Did you mean ${meant}?`
      : 'Use its whole file name without the extension; upfront status lists them.',
  })
}

/** Of what is pending, what is to run now and what comes after the one of that name. */
export function splitAt(
  migrations: readonly Identity[],
  pending: readonly Identity[],
  to: string | true | undefined,
): { readonly now: readonly Identity[]; readonly later: readonly Identity[] } {
  if (to === undefined) return { now: pending, later: [] }
  const names = new Set(upTo(migrations, to).map(({ name }) => name.normalize('NFC')))
  const isNow = ({ name }: Identity) => names.has(name.normalize('NFC'))
  return { now: pending.filter(isNow), later: pending.filter((one) => !isNow(one)) }
}

/** These in the order of the files, under the names that they have here. */
export function inOrder(files: readonly Identity[], these: readonly Identity[]): readonly Identity[] {
  const at = new Map(files.map(({ name }, place) => [name.normalize('NFC'), place]))
  return these.toSorted((a, b) => at.get(a.name.normalize('NFC'))! - at.get(b.name.normalize('NFC'))!)
}
