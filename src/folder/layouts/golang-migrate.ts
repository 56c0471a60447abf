import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import { groupBy } from './group-by.ts'
import type { Folder, Layout, Listing, SourceMigration } from './layout.ts'

/**
 * `<number>_<title>.up.sql`, its down in `.down.sql`, the number telling which belong together. Other tools name files
 * so, too: a folder is taken for one only when it has nothing else and both directions.
 */
export const golangMigrate: Layout = {
  format: 'golang-migrate',
  detect: ({ entries, someSql }) => {
    // What we are told in a comment of ours was written for us.
    if (entries.includes('upfront.allow') || someSql(/^--[ \t]*upfront:/m)) return false
    // So were modules, and what runs again whenever it has changed.
    if (entries.some((name) => name === 'repeatable/' || /^\d.*(?<!\.(up|down))\.[cm]?[jt]s$/.test(name))) return false
    const directions = new Set(entries.filter((name) => name.endsWith('.sql')).map((name) => read(name)?.direction))
    return directions.size === 2 && !directions.has(undefined)
  },
  list,
  // Its setting x-multi-statement runs every statement by itself, and without it such a file never succeeds.
  leavesTransactions: true,
}

const shape = /^(?<digits>[0-9]+)_.*\.(?<direction>up|down)\.(?<extension>.*)$/

interface Found {
  readonly file: string
  readonly version: bigint
  readonly direction: 'up' | 'down'
  readonly isSql: boolean
}

/** What the tool reads in a name; null for what it does not take for a migration. */
function read(file: string): Found | null {
  const { digits, direction, extension } = shape.exec(file)?.groups ?? {}
  if (digits === undefined || file.endsWith('/')) return null
  const version = BigInt(digits)
  if (BigInt.asUintN(64, version) !== version) return null
  return { file, version, direction: direction as Found['direction'], isSql: extension === 'sql' }
}

/** The tool runs any extension as SQL; what has another one is for a program that uses the tool as a library. */
function refuseOther(file: string) {
  const next =
    'Rename it when it is SQL: the history of golang-migrate knows versions alone. Else let that program run it first.'
  return { what: `${file} does not end in .up.sql, and upfront runs no other`, next }
}

function list({ entries }: Folder, shown: string): Listing {
  const problems: Problem[] = []
  const notices: Problem[] = []
  const found = entries.flatMap((file) => read(file) ?? [])
  for (const [which, files] of groupBy(found, ({ version, direction }) => `${direction} of version ${version}`)) {
    const paths = files.map(({ file }) => join(shown, file))
    if (files.length > 1)
      problems.push({
        what: `${files.length} files are the ${which}: ${paths.join(' and ')}`,
        next: 'golang-migrate refuses that too: give one of them another version, or remove it.',
      })
    else if (!files[0]!.isSql && files[0]!.direction === 'down')
      notices.push({ what: `${paths[0]} does not end in .down.sql, and upfront runs no other` })
  }
  const taken = new Set(found.map(({ file }) => file))
  for (const file of entries.filter((name) => name.endsWith('.sql') && !taken.has(name)))
    notices.push({
      what: `${join(shown, file)} is not named like a migration, so golang-migrate passes it over, and so does upfront`,
      next: 'Name it <number>_<title>.up.sql, or remove it.',
    })
  const ups = found.filter(({ direction }) => direction === 'up')
  const downs = new Map(
    found.flatMap(({ direction, isSql, version, file }) =>
      direction === 'down' && isSql ? [[version, file] as const] : [],
    ),
  )
  const migrations = ups
    .sort((a, b) => (a.version < b.version ? -1 : 1))
    .map(({ file, version, isSql }): SourceMigration => ({
      name: file.replace(/\.up\.[^.]*$/, '').normalize('NFC'),
      ...(isSql ? {} : { cannotRun: refuseOther(join(shown, file)) }),
      file,
      kind: 'sql',
      downFile: downs.get(version) ?? null,
      origin: () => ({ key: String(version), hashes: [] }),
    }))
  const versions = new Set(found.filter(({ direction }) => direction === 'up').map(({ version }) => version))
  for (const [version, file] of downs)
    if (!versions.has(version))
      notices.push({ what: `${join(shown, file)} has no up: there is no ${version}_<title>.up.sql` })
  return { migrations, problems, notices }
}
