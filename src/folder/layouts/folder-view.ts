import { type Dirent, closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { closed, isClosed } from '../closed.ts'
import { decodeText } from '../text.ts'
import type { Folder } from './layout.ts'

/** The marks stand in nearly every file of a tool, near its beginning; a start with nothing to do must not read all. */
const [sampled, beginning] = [3, 8 << 10]

/**
 * A folder as layouts see it; links are followed, because a mounted ConfigMap is made of them. Throws INVALID for what is
 * in it and may not be read, which would else look like a folder without migrations.
 */
export function viewFolder(dir: string, placeholders: Readonly<Record<string, string>> = {}): Folder {
  const lists = new Map<string, readonly string[]>()
  const entriesOf = (path: string) => {
    const known = lists.get(path) ?? list(join(dir, path), path === '' ? readSelf : undefined)
    lists.set(path, known)
    return known
  }
  let [self, beginnings]: [self?: readonly Dirent[], beginnings?: readonly string[]] = []
  const readSelf = () => (self ??= readdirSync(dir, { withFileTypes: true }))
  return {
    dir,
    placeholders: new Map(Object.entries(placeholders)),
    get dirents() {
      return readSelf()
    },
    get entries() {
      return entriesOf('')
    },
    entriesOf,
    read: (path) => readText(join(dir, path)),
    has: (path) => (path.startsWith('../') ? existsSync(join(dir, path)) : isThere(join(dir, path))),
    someSql: (pattern) => {
      beginnings ??= entriesOf('')
        .filter((name) => name.toLowerCase().endsWith('.sql'))
        .filter((_, i, all) => i < sampled || i >= all.length - sampled)
        .map((name) => readBeginning(join(dir, name)))
      return beginnings.some((text) => pattern.test(text))
    },
  }
}

function list(
  path: string,
  read = () => readdirSync(path, { withFileTypes: true }) as readonly Dirent[],
): readonly string[] {
  try {
    return (
      read()
        // A volume has the latter at its root, for root alone.
        .filter(({ name }) => !name.startsWith('.') && name !== 'lost+found')
        .map((entry) => (isFolder(path, entry) ? `${entry.name}/` : entry.name))
        .sort()
    )
  } catch (error) {
    if (isClosed(error)) throw closed(path, error)
    return []
  }
}

function isFolder(path: string, entry: { readonly name: string; isDirectory(): boolean; isSymbolicLink(): boolean }) {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  return statSync(join(path, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    if (isClosed(error)) throw closed(dirname(path), error)
    return false
  }
}

function readText(path: string): string | null {
  try {
    const decoded = decodeText(readFileSync(path))
    return 'text' in decoded ? decoded.text : null
  } catch (error) {
    if (isClosed(error)) throw closed(path, error)
    return null
  }
}

function readBeginning(path: string): string {
  try {
    const file = openSync(path, 'r')
    try {
      const buffer = Buffer.alloc(beginning)
      return buffer.toString('utf8', 0, readSync(file, buffer))
    } finally {
      closeSync(file)
    }
  } catch {
    return ''
  }
}
