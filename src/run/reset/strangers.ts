import type { Dependent } from '../../catalog/dependents.ts'
import type { Address, Listed } from '../../catalog/listed.ts'

/** One address as a word. */
export function idOf({ classid, objid, objsubid }: Address): string {
  return `${classid}:${objid}:${objsubid}`
}

/**
 * What would go and is not ours: neither listed nor a part of what is, such as an index, a default, the sequence of an
 * identity. Of a stranger that goes as a whole its parts are not said.
 */
export function strangersIn(reached: readonly Dependent[], ours: readonly Listed[]): Dependent[] {
  const wholes = new Set(ours.filter(({ kind }) => kind === 'extension' || kind === 'publication').map(idOf))
  const fine = new Set(ours.map(idOf))
  const isFine = (one: Address) => isIn(fine, one)
  for (let hasGrown = true; hasGrown;) {
    hasGrown = false
    for (const one of reached) {
      if (isFine(one) || !one.of.some((it) => isFine(it) && (one.mayBePart || wholes.has(idOf(it))))) continue
      fine.add(idOf(one))
      hasGrown = true
    }
  }
  const strangers = reached.filter((one) => !isFine(one))
  const all = new Set(strangers.map(idOf))
  const isWhole = (one: Dependent) => one.objsubid === 0 || !all.has(idOf({ ...one, objsubid: 0 }))
  return strangers.filter((one) => isWhole(one) && !one.of.some((it) => isIn(all, it)))
}

/** Whether it, or the whole of what it is a column of, is there. */
function isIn(ids: ReadonlySet<string>, one: Address): boolean {
  return ids.has(idOf(one)) || (one.objsubid > 0 && ids.has(idOf({ ...one, objsubid: 0 })))
}
