import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import type { Origin } from '../../migration.ts'
import { hashesOf } from './hashes.ts'
import type { Folder, Layout, Listing, SourceMigration } from './layout.ts'

const journalFile = 'meta/_journal.json'

/** An entry of the journal, which is what drizzle-orm up to 0.45 runs. */
interface Entry {
  readonly when: number
  readonly tag: string
}

/**
 * drizzle-kit's folders: up to 0.31 a journal beside the files, from 1.0 on a folder for each migration. A statement
 * breakpoint is a comment to Postgres, so the files run as they are.
 */
export const drizzle: Layout = {
  format: 'drizzle',
  detect: (folder) =>
    folder.has(journalFile) ||
    (folder.entries.some((entry) => entry.endsWith('/') && isGenerated(folder, entry)) &&
      !folder.has('migration_lock.toml')),
  list: (folder, shown) => (folder.has(journalFile) ? listJournal(folder, shown) : listFolders(folder, shown)),
}

function isGenerated({ has }: Folder, entry: string): boolean {
  return has(`${entry}snapshot.json`) && has(`${entry}${sqlFile}`)
}

const sqlFile = 'migration.sql'

function listJournal(folder: Folder, shown: string): Listing {
  const file = join(shown, journalFile)
  const entries = readJournal(folder.read(journalFile))
  if (entries === null) {
    const next = 'Restore it from version control; drizzle-kit check says more.'
    return { migrations: [], problems: [{ what: `${file} is no journal of drizzle-kit`, next }] }
  }
  const problems: Problem[] = []
  const migrations = entries.flatMap(({ tag, when }): SourceMigration | [] => {
    if (!folder.has(`${tag}.sql`)) {
      const what = `${file} names ${tag}, and there is no ${join(shown, `${tag}.sql`)}`
      problems.push({ what, next: 'Restore the file, or take the entry out of the journal.' })
      return []
    }
    return migration(tag, `${tag}.sql`, String(when))
  })
  const known = new Set(entries.map(({ tag }) => `${tag}.sql`))
  const notices = folder.entries
    .filter((name) => name.endsWith('.sql') && !known.has(name))
    .map((name) => ({
      what: `${join(shown, name)} is not in ${file}, so drizzle passes it over, and so does upfront`,
      next: 'Make it with drizzle-kit generate --custom, or remove it.',
    }))
  return { migrations, problems: [...problems, ...refuseTwins(entries, shown)], notices }
}

function readJournal(text: string | null): readonly Entry[] | null {
  try {
    const { entries } = JSON.parse(text ?? '') as { readonly entries?: unknown }
    return Array.isArray(entries) && entries.every(isEntry) ? entries : null
  } catch {
    return null
  }
}

function isEntry(entry: unknown): entry is Entry {
  const { tag, when } = (entry ?? {}) as Partial<Entry>
  return typeof tag === 'string' && /^[^/\\]+$/.test(tag) && Number.isSafeInteger(when)
}

/** Two entries of one name would be one row of our history. */
function refuseTwins(entries: readonly Entry[], shown: string): Problem[] {
  const tags = entries.map(({ tag }) => tag)
  return tags
    .filter((tag, i) => tags.indexOf(tag) !== i)
    .map((tag) => ({ what: `${join(shown, journalFile)} names ${tag} twice`, next: 'Take one of the entries out.' }))
}

/** A folder written by hand has no snapshot; all that counts is its migration.sql. */
function listFolders(folder: Folder, shown: string): Listing {
  const names = folder.entries
    .filter((entry) => entry.endsWith('/') && folder.has(`${entry}${sqlFile}`))
    .map((entry) => entry.slice(0, -1))
    .sort((a, b) => a.localeCompare(b, 'en'))
  const problems = folder.entries
    .filter((name) => /^\d.*\.sql$/.test(name))
    .map((name) => ({
      what: `${join(shown, name)} is not in a folder of its own, so drizzle would never run it`,
      next: 'Move it to <name>/migration.sql, or remove it.',
    }))
  // Up to 0.45 a time decides what is pending, from 1.0 on the name alone.
  return { migrations: names.map((name) => migration(name, `${name}/${sqlFile}`, name)), problems, appliesLate: true }
}

function migration(name: string, file: string, key: string): SourceMigration {
  const origin = (bytes: Buffer): Origin => ({ key, hashes: hashesOf(bytes, 'sha256') })
  return { name: name.normalize('NFC'), file, kind: 'sql', downFile: null, origin }
}
