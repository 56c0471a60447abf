import { createHash } from 'node:crypto'

/** A file as atlas.sum knows it. */
export interface Summed {
  readonly name: string
  /** In base64, of this file and all before it; null for one that its first line leaves out. */
  readonly hash: string | null
}

/** Where atlas.sum and the folder part. */
export type Difference =
  | { readonly reason: 'unreadable' | 'inconsistent' }
  | { readonly reason: 'added' | 'edited' | 'removed'; readonly name: string }

/** What atlas makes of the files: each hash is that of all bytes and names so far. */
export function sum(files: readonly { readonly name: string; readonly bytes: Buffer }[]): readonly Summed[] {
  const hash = createHash('sha256')
  return files.map(({ name, bytes }) => {
    hash.update(name)
    if (ignored.test(bytes.toString('utf8', 0, 4096))) return { name, hash: null }
    hash.update(bytes)
    return { name, hash: hash.copy().digest('base64') }
  })
}

const ignored = /^[ -~]*atlas:sum +ignore(\n|(?![^]))/

/** The first difference between the text of atlas.sum and the files, as atlas tells it; null when there is none. */
export function compareSum(text: string, files: readonly Summed[]): Difference | null {
  const [total = '', ...lines] = text.replace(/\r?\n$/, '').split(/\r?\n/)
  const known: { name: string; hash: string }[] = []
  for (const line of lines) {
    const at = line.indexOf('h1:')
    if (at === -1) return { reason: 'unreadable' }
    known.push({ name: line.slice(0, at).trim(), hash: line.slice(at + 'h1:'.length) })
  }
  const found = files.filter(({ hash }) => hash !== null)
  if (total.replace(/^h1:/, '') !== totalOf(known)) return { reason: 'inconsistent' }
  for (const [i, { name, hash }] of known.entries()) {
    if (found[i]?.name === name && found[i].hash === hash) continue
    const at = found.findIndex((one) => one.name === name)
    if (at === -1) return { reason: 'removed', name }
    return at === i ? { reason: 'edited', name } : { reason: 'added', name: found[i]!.name }
  }
  const next = found[known.length]
  return next ? { reason: 'added', name: next.name } : null
}

function totalOf(files: readonly { readonly name: string; readonly hash: string }[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(file.name).update(file.hash)
  return hash.digest('base64')
}
