import { type Dirent, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { finding } from '../../checks/finding.ts'
import { refuseSpellings } from '../../checks/rules/spelling.ts'
import type { Problem } from '../../errors.ts'
import type { Format } from '../../migration.ts'
import { contractDir } from '../../sql/contract-mark.ts'
import { closed, isClosed } from '../closed.ts'
import { type MigrationName, compareNames, compareNatural, parseName } from '../names.ts'
import type { Folder, Layout, Listing, SourceMigration } from './layout.ts'

const shape = 'Name it <digits>_<words>.sql, for example 0001_users.sql or 20251025143000_add_metadata.sql.'

/** What a file's extension makes of it: SQL of a down, an assertion, SQL, or a module. */
const extension = /(?<down>\.down\.sql)$|(?<verify>\.verify\.sql)$|(?<sql>(\.up)?\.sql)$|(?<module>\.[cm]?[jt]s)$/

/** In the folders of others an assertion is a migration like all. */
const looseExtension = /(?<down>\.down\.sql)$|(?<sql>(\.up)?\.sql)$|(?<module>\.[cm]?[jt]s)$/

/** The same on a file system that does not tell capitals: passing it over would be worse than asking. */
const capitals = /\.sql$/i

/** The same for what a file is: what is meant to be a down would run as a migration. */
const misread = /\.(down|verify)$/i

/**
 * Our own layout: `<version>_<name>.sql` (or .ts, .js), its down in `<version>_<name>.down.sql`, its assertion in
 * `<version>_<name>.verify.sql`. README and dot files, folders and files of other kinds are not migrations; symbolic links
 * (a mounted ConfigMap is made of them) are followed.
 */
export function listPlain(folder: Pick<Folder, 'dir' | 'dirents'>, shown: string, isLoose = false): Listing {
  const contracts = isLoose
    ? []
    : folder.dirents.filter(({ name }) => name === 'contract').flatMap(() => direntsOf(folder.dir))
  const problems: Problem[] = []
  const ups = new Map<string, Up>()
  const downs = new Map<string, string>()
  const assertions = new Map<string, string>()
  const entries = new Map([
    ...folder.dirents.map((entry) => [entry.name, entry] as const),
    ...contracts.map((entry) => [`${contractDir}${entry.name}`, entry] as const),
  ])
  for (const file of [...entries.keys()].sort()) {
    const entry = entries.get(file)!
    // Where it stands is no part of a name, so that it may be moved there until it is applied.
    const base = file.slice(file.lastIndexOf('/') + 1)
    const found = (isLoose ? looseExtension : extension).exec(base)
    if (/^(\.|readme\b)/i.test(base) || base.endsWith('.d.ts')) continue
    if (!found && capitals.test(base))
      problems.push({ what: `${join(shown, file)} is not named like a migration`, next: shape })
    if (!found) continue
    if (!entry.isFile() && !isFile(folder.dir, shown, { entry, file }, problems)) continue
    const name = base.slice(0, found.index).normalize('NFC')
    const { down, verify, module } = found.groups!
    const beside = down ? downs : verify ? assertions : null
    const parsed = parseName(name, isLoose)
    if (!parsed) {
      // A module that is not named like a migration is what others import.
      if (!module)
        problems.push(finding('file-name', `${join(shown, file)} is not named like a migration`, undefined, shape))
    } else if (!isLoose && !beside && !module && misread.test(name)) problems.push(misspelled(shown, file))
    else if (beside?.has(name))
      problems.push(
        refuseSpellings(
          name,
          [beside.get(name)!, file].map((one) => join(shown, one)),
        ),
      )
    else if (beside) beside.set(name, file)
    else {
      const up = ups.get(name)
      const one = { file, kind: module ? 'module' : 'sql' } as const
      if (up) up.files.push(one)
      else ups.set(name, { parsed, files: [one] })
    }
  }
  const migrations: (SourceMigration & MigrationName)[] = []
  for (const [name, { parsed, files }] of ups) {
    if (files.length > 1) problems.push(duplicate(shown, name, files))
    const { file, kind } = files[0]!
    const verifyFile = assertions.get(name)
    const verify = verifyFile === undefined ? {} : { verifyFile }
    migrations.push({ name, version: parsed.version, file, kind, downFile: downs.get(name) ?? null, ...verify })
    downs.delete(name)
    assertions.delete(name)
  }
  for (const file of downs.values()) problems.push(orphan(shown, file))
  for (const file of assertions.values()) problems.push(orphanedAssertion(shown, file))
  return { migrations: migrations.sort(compareNames), problems }
}

/** Ours, and everybody's who numbers SQL files: the layout of a folder without a mark. */
export const plain: Layout = {
  format: 'plain',
  detect: () => true,
  list: (folder, shown) => {
    const listing = listPlain(folder, shown)
    // Nearly no folder has one, and asking for what is not there costs an error.
    if (!folder.entries.some((name) => name.toLowerCase() === repeatableDir)) return listing
    const again = listRepeatable(folder, shown)
    return {
      ...listing,
      repeatable: again.migrations,
      problems: [...listing.problems, ...oddIn(folder, shown), ...again.problems],
    }
  },
}

/**
 * The same for a folder whose files were written for a tool that runs code: what was turned into SQL runs here, and what
 * is still code matters only while it is pending.
 */
export function plainOf(format: Format): Layout {
  const list = (folder: Folder, shown: string): Listing => {
    const listing = listPlain(folder, shown, true)
    const migrations = listing.migrations.map((one) => (one.kind === 'module' ? refuseCode(one, shown, format) : one))
    return { ...listing, migrations }
  }
  return { format, detect: () => false, list }
}

function refuseCode(one: SourceMigration, shown: string, format: Format): SourceMigration {
  const what = `${join(shown, one.file)} is code that only ${format} can run`
  const next = `Write it in SQL under the same name, or let ${format} run it first.`
  return { ...one, cannotRun: { what, next } }
}

const repeatableDir = 'repeatable/'

/** What looks like a repeatable migration and would be passed over, or looks like something else and would run as one. */
function oddIn({ entriesOf }: Folder, shown: string): Problem[] {
  return entriesOf(repeatableDir)
    .filter((name) => name.endsWith('/') || (/\.sql$/i.test(name) && !name.endsWith('.sql')) || isMisread(name))
    .map((name) => {
      if (/\.down\.sql$/i.test(name)) {
        const what = `${join(shown, repeatableDir, name)} would run as a migration: those that run again have no down`
        return finding('file-name', what, undefined, 'Remove it, or give it another name.')
      }
      if (isMisread(name)) return misspelled(shown, repeatableDir + name)
      const next = 'Put it into that folder itself, as <words>.sql.'
      return finding('file-name', `${join(shown, repeatableDir, name)} is no repeatable migration`, undefined, next)
    })
}

function isMisread(file: string): boolean {
  return /\.(down|verify)\.sql$/i.test(file) && !file.endsWith('.verify.sql')
}

/** The SQL files of the folder `repeatable`, in natural order; views and functions live there. */
function listRepeatable({ entriesOf }: Folder, shown: string): Listing {
  const files = entriesOf(repeatableDir).filter((file) => file.endsWith('.sql') && !/^readme\b/i.test(file))
  const nameOf = (file: string) => `${repeatableDir}${file.replace(/(\.verify)?\.sql$/, '')}`.normalize('NFC')
  const isAssertion = (file: string) => file.endsWith('.verify.sql')
  const assertions = new Map(files.filter(isAssertion).map((file) => [nameOf(file), repeatableDir + file]))
  const migrations = files
    .filter((file) => !isAssertion(file))
    .map((file) => {
      const name = nameOf(file)
      const verifyFile = assertions.get(name)
      const verify = verifyFile === undefined ? {} : { verifyFile }
      return { name, file: repeatableDir + file, kind: 'sql' as const, downFile: null, ...verify }
    })
    .sort((a, b) => compareNatural(a.name, b.name))
  const names = new Set(migrations.map(({ name }) => name))
  const left = [...assertions].filter(([name]) => !names.has(name))
  return { migrations, problems: left.map(([, file]) => orphanedAssertion(shown, file)) }
}

interface Up {
  readonly parsed: MigrationName
  /** One, or the files that share an identity. */
  readonly files: { readonly file: string; readonly kind: 'sql' | 'module' }[]
}

/** What stands in the folder of those that wait for the older version to be gone; empty where that name is a file's. */
function direntsOf(dir: string): readonly Dirent[] {
  try {
    return readdirSync(join(dir, contractDir), { withFileTypes: true })
  } catch (error) {
    if (isClosed(error)) throw closed(join(dir, contractDir), error)
    return []
  }
}

/** Whether what is no file itself leads to one. */
function isFile(
  dir: string,
  shown: string,
  { entry, file }: { readonly entry: Dirent; readonly file: string },
  problems: Problem[],
): boolean {
  if (entry.isDirectory()) return false
  try {
    return statSync(join(dir, file)).isFile()
  } catch (error) {
    problems.push({
      what: `${join(shown, file)} cannot be read`,
      next: `${(error as Error).message}. A broken or circular link?`,
    })
    return false
  }
}

function duplicate(shown: string, name: string, files: readonly { readonly file: string }[]): Problem {
  const paths = files.map(({ file }) => join(shown, file))
  if (new Set(files.map(({ file }) => file.normalize('NFC'))).size < files.length) return refuseSpellings(name, paths)
  const what = `two files have the identity ${name}: ${paths.join(' and ')}`
  const next = 'Rename one of them: the whole file name without its extension is the identity of a migration.'
  return finding('file-name', what, undefined, next)
}

function misspelled(shown: string, file: string): Problem {
  const right = file.replace(/\.(down|verify)\.sql$/i, (end) => end.toLowerCase())
  const what = `${join(shown, file)} would run as a migration, because of its capitals`
  return finding('file-name', what, undefined, `Name it ${right}.`)
}

function orphan(shown: string, file: string): Problem {
  const up = file.replace(/\.down\.sql$/, '.sql')
  const what = `${join(shown, file)} has no up: ${up} does not exist`
  return finding('down', what, undefined, `Add ${up}, or rename or remove the down file.`)
}

function orphanedAssertion(shown: string, file: string): Problem {
  const up = file.replace(/\.verify\.sql$/, '.sql')
  const what = `${join(shown, file)} has no migration: ${up} does not exist`
  return finding('verify', what, undefined, `Add ${up}, or rename or remove the assertion.`)
}
