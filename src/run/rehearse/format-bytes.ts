const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
const step = 1024

/** A size as people say it, and as Postgres does: `540 GB`. */
export function formatBytes(bytes: number): string {
  let power = 0
  let value = bytes
  for (; value >= step && power < units.length - 1; power += 1) value /= step
  const digits = power > 0 && value < 10 ? 1 : 0
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[power]}`
}

/** The bytes of `1GB`, `500 MB`; a string says what is wrong with the text. */
export function parseBytes(text: string): number | string {
  const found = /^(\d+(?:\.\d+)?)\s*(bytes|kB|MB|GB|TB)$/i.exec(text.trim())
  if (!found) return 'is not a size, such as 500MB, 1GB or 0bytes'
  const power = units.findIndex((unit) => unit.toLowerCase() === found[2]!.toLowerCase())
  return Number(found[1]) * step ** power
}

/** A number of rows as people say it: `1.2 million`. */
export function formatRows(rows: number | null): string {
  if (rows === null) return 'not counted yet'
  if (rows < 10_000) return String(Math.round(rows))
  const [name, size] = rows < 1e6 ? ['thousand', 1e3] : rows < 1e9 ? ['million', 1e6] : ['billion', 1e9]
  return `${(rows / Number(size)).toFixed(rows / Number(size) < 10 ? 1 : 0).replace(/\.0$/, '')} ${name}`
}
