import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import type { Origin } from '../../migration.ts'
import { hashesOf } from './hashes.ts'
import type { Layout, SourceMigration } from './layout.ts'

const sqlFile = 'migration.sql'
const lockFile = 'migration_lock.toml'

/** Folders of Prisma 6 and 7: one for each migration, run in the order of their names. */
export const prisma: Layout = {
  format: 'prisma',
  detect: (folder) =>
    (folder.has(lockFile) || folder.has('../schema.prisma')) &&
    folder.entries.some((entry) => entry.endsWith('/') && folder.has(`${entry}${sqlFile}`)),
  list: (folder, shown) => {
    const problems: Problem[] = []
    const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(folder.read(lockFile) ?? '')?.[1]
    if (provider !== undefined && !/^(postgresql|postgres|cockroachdb)$/.test(provider)) {
      const what = `${join(shown, lockFile)} says that these migrations are for ${provider}`
      problems.push({ what, next: 'Upfront runs migrations of Postgres alone.' })
    }
    const folders = folder.entries.filter((entry) => entry.endsWith('/') && !isLeftOut(folder.entriesOf(entry)))
    const migrations = folders.flatMap((entry): SourceMigration | [] => {
      const name = entry.slice(0, -1)
      if (!folder.has(`${entry}${sqlFile}`)) {
        const what = `${join(shown, entry)} has no ${sqlFile}`
        problems.push({ what, next: 'Restore the file, or remove the folder: prisma would stop here as well (P3015).' })
        return []
      }
      const origin = (bytes: Buffer): Origin => ({ key: name, hashes: hashesOf(bytes, 'sha256') })
      return { name: name.normalize('NFC'), file: `${entry}${sqlFile}`, kind: 'sql', downFile: null, origin }
    })
    return { migrations, problems }
  },
}

/** git leaves no empty folders, but a container image does. */
function isLeftOut(entries: readonly string[]): boolean {
  return entries.length === 0
}
