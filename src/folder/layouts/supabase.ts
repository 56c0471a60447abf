import { basename, join } from 'node:path'
import type { Problem } from '../../errors.ts'
import type { Folder, Layout, Listing, SourceMigration } from './layout.ts'

/** `<14 digits>_<name>.sql` in `supabase/migrations`. */
export const supabase: Layout = {
  format: 'supabase',
  detect: (folder) =>
    folder.entries.some((name) => /^\d{14}_.*\.sql$/.test(name)) &&
    (/(^|[\\/])supabase[\\/]migrations[\\/]*$/.test(folder.dir) ||
      /^\s*project_id\s*=/m.test(folder.read('../config.toml') ?? '')),
  list,
}

const shape = /^(?<version>\d+)_.*\.sql$/

/** What old versions of the CLI made, and it has passed over since; only where it is the first entry. */
const oldInit = /(\d{14})_init\.sql/
const newInit = 20211209000000

function list(folder: Folder, shown: string): Listing {
  const problems: Problem[] = []
  const notices: Problem[] = []
  const seen = new Map<string, string>()
  const migrations = folder.entries.flatMap((entry, i): SourceMigration | [] => {
    const path = join(shown, entry)
    const stamp = oldInit.exec(entry)?.[1]
    if (i === 0 && stamp !== undefined && Number(stamp) < newInit) {
      notices.push({ what: `${path} is the init of an old CLI: it is passed over, as by supabase` })
      return []
    }
    const key = shape.exec(entry)?.groups!.version
    if (key === undefined) {
      if (entry.endsWith('.sql') && !entry.endsWith('/'))
        notices.push({ what: `${path} is not named <timestamp>_<name>.sql: it is passed over, as by supabase` })
      return []
    }
    const other = seen.get(key)
    if (other !== undefined)
      problems.push({
        what: `two files have the version ${key}: ${join(shown, other)} and ${path}`,
        next: 'supabase cannot record both: give one of them another timestamp.',
      })
    seen.set(key, entry)
    const name = basename(entry, '.sql').normalize('NFC')
    return { name, file: entry, kind: 'sql', downFile: null, origin: () => ({ key, hashes: [] }) }
  })
  return { migrations, problems, notices }
}
