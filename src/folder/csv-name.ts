/** `010_core.users.csv` -> the table it is for, or null when the name does not say. */
export function parseCsvName(name: string): { readonly schema: string | null; readonly table: string } | null {
  const match = /^(?:.*\/)?\d+_(?:([^./]+)\.)?([^./]+)\.csv$/.exec(name)
  return match ? { schema: match[1] ?? null, table: match[2]! } : null
}
