import type { ForeignHistory, ForeignRow, Match, Traced } from '../../../../src/history/adopt/adopter.ts'

/** A migration of a folder that the tool would call so, its content having these hashes. */
export function file(key: string, ...hashes: readonly string[]): Traced {
  return { migration: { name: key, file: key, checksum: 'v1:sha256:' }, origin: { key, hashes } }
}

/** Rows that are applied, by their keys. */
export function rows(...keys: readonly (string | Partial<ForeignRow>)[]): ForeignHistory {
  const applied = { key: '', hash: null, state: 'applied' } as const
  const all = keys.map((one): ForeignRow => {
    const row = { ...applied, ...(typeof one === 'string' ? { key: one } : one) }
    return { called: row.key, ...row }
  })
  return { table: 't', rows: all }
}

/** What is not empty of a match, by names. */
export function show({ unknown, ...found }: Match): Record<string, readonly string[]> {
  const names = Object.entries(found).map(([what, all]) => [what, all.map(({ name }) => name)] as const)
  return Object.fromEntries([...names, ['unknown', unknown] as const].filter(([, all]) => all.length > 0))
}
