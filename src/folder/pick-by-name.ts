import type { Identity } from '../migration.ts'

/**
 * Finds each by its name, in any Unicode spelling, and returns it under the name as given; throws TypeError for a
 * missing one.
 */
export function pickByName<T extends Identity>(which: readonly Identity[], all: Iterable<T>): T[] {
  const byName = new Map([...all].map((one) => [one.name.normalize('NFC'), one]))
  return which.map(({ name }) => {
    const found = byName.get(name.normalize('NFC'))
    if (!found) throw new TypeError(`${name} is not in the folder`)
    return found.name === name ? found : withName(found, name)
  })
}

/** A copy under another name, which reads nothing: a down that is read on demand is still read on demand. */
export function withName<T extends { readonly name: string }>(file: T, name: string): T {
  const properties = { ...Object.getOwnPropertyDescriptors(file), name: { value: name, enumerable: true } }
  return Object.defineProperties({}, properties) as T
}
