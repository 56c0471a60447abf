import type { Identity } from '../migration.ts'

/** Finds each by its name, however it is spelled in Unicode, and calls it as given; throws TypeError for one that is not there. */
export function pickByName<T extends Identity>(which: readonly Identity[], all: Iterable<T>): T[] {
  const byName = new Map([...all].map((one) => [one.name.normalize('NFC'), one]))
  return which.map(({ name }) => {
    const found = byName.get(name.normalize('NFC'))
    if (!found) throw new TypeError(`${name} is not in the folder`)
    return found.name === name ? found : withName(found, name)
  })
}

/** A copy that reads nothing: what is read when it is asked for, such as a down, stays so. */
export function withName<T extends { readonly name: string }>(file: T, name: string): T {
  const properties = { ...Object.getOwnPropertyDescriptors(file), name: { value: name, enumerable: true } }
  return Object.defineProperties({}, properties) as T
}
