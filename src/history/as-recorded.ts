import { withName } from '../folder/pick-by-name.ts'

/**
 * The same files under the names by which the history has them: a row that an older version wrote in Unicode's NFD, as
 * macOS spells names, is of the file whose name is the same in NFC, and keeps its name.
 */
export function asRecorded<T extends { readonly name: string }>(
  files: readonly T[],
  rows: readonly { readonly name: string }[],
): readonly T[] {
  const spelled = new Map<string, string>()
  for (const { name } of rows) if (name !== name.normalize('NFC')) spelled.set(name.normalize('NFC'), name)
  if (spelled.size === 0) return files
  // Where there are both, the file is the one that is spelled like it.
  for (const { name } of rows) spelled.delete(name)
  return files.map((file) => {
    const recorded = spelled.get(file.name.normalize('NFC'))
    return recorded === undefined || recorded === file.name ? file : withName(file, recorded)
  })
}
