import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { finding } from '../checks/finding.ts'
import { Failure, type Problem } from '../errors.ts'
import type { Bundle, Format, Identity, Origin } from '../migration.ts'
import { contractDir } from '../sql/contract-mark.ts'
import { requireFolder } from './files.ts'
import { type Identified, identify, identifyParts } from './identify.ts'
import { invalid } from './invalid.ts'
import { bearsNoMark } from './foreign/no-marks.ts'
import { viewFolder } from './layouts/folder-view.ts'
import type { Folder, Layout, Listing, SourceMigration } from './layouts/layout.ts'
import { plain } from './layouts/plain.ts'
import { digest } from './text.ts'

/**
 * A folder of migrations by names and checksums: throws one INVALID with every wrong name and every file that cannot be
 * read. What is in the files is parsed when they are opened.
 */
export async function openFolder(folder: MigrationsFolder): Promise<Bundle> {
  const { dir, shown } = folder
  const { migrations, repeatable, problems, layout, appliesLate } = await listSources(folder)
  const place = { dir: resolve(dir), shown }
  const sources = [...migrations, ...repeatable]
  const identities = sources.flatMap((source, i): Identity | [] => {
    const { name, file, cannotRun } = source
    const found = identifySource(place, source, i >= migrations.length)
    if ('checksum' in found) {
      const waits = i < migrations.length && isContract(source, () => found.contract)
      const contract = waits ? ({ contract: true } as const) : {}
      const known = { name, file: join(shown, file), checksum: found.checksum, ...contract }
      return cannotRun ? { ...known, cannotRun } : known
    }
    problems.push({ ...found.problem, name })
    return []
  })
  if (problems.length > 0) throw invalid(shown, problems)
  let compiling: Promise<Pick<Bundle, 'open' | 'openDown'>> | undefined
  const compiler = () =>
    (compiling ??= import('./compile-migrations.ts').then(({ migrationCompiler }) =>
      migrationCompiler({ dir, shown, layout, migrations, repeatable }),
    ))
  return {
    dir: shown,
    digest: digest(identities),
    count: identities.length,
    format: layout.format,
    appliesLate,
    origins: async () => new Map(sources.map((source) => traceSource(dir, source))),
    list: async () => identities.slice(0, migrations.length),
    listRepeatable: async () => identities.slice(migrations.length),
    open: async (which) => (which.length === 0 ? [] : (await compiler()).open(which)),
    openDown: async (of) => (await compiler()).openDown(of),
  }
}

/** Whether a migration stands where those stand that wait for the older version to be gone, or says it itself. */
export function isContract({ file, kind }: SourceMigration, isMarked: () => boolean): boolean {
  return file.startsWith(contractDir) || (kind === 'sql' && isMarked())
}

/** The checksum of a migration as the history keeps it, or why there is none; nothing is parsed. */
export function identifySource(
  { dir, shown }: Pick<MigrationsFolder, 'dir' | 'shown'>,
  { file, kind, parts, origin }: SourceMigration,
  isRepeatable: boolean,
): Identified {
  const [path, called] = [`${dir}/${file}`, join(shown, file)]
  if (parts) return identifyParts(path, called, parts)
  return identify(path, called, kind === 'sql' && origin === undefined && !isRepeatable)
}

/** A folder of migrations, what messages call it, and whose layout it is said to have. */
export interface MigrationsFolder {
  readonly dir: string
  readonly shown: string
  readonly format: Format | 'auto'
  /** Values of placeholders, by their names. */
  readonly placeholders?: Readonly<Record<string, string>>
}

/** What a layout has left out is empty. */
type Complete = Listing & Required<Pick<Listing, 'repeatable' | 'notices'>>

/** What listSources() answers. */
interface Sources extends Complete {
  readonly layout: Layout
  readonly problems: Problem[]
}

/** The migrations of a folder as files, and what is wrong with their names; throws INVALID without a folder or files. */
export async function listSources({ dir, shown, format, placeholders }: MigrationsFolder): Promise<Sources> {
  requireFolder(dir, shown, 'migrations', 'UPFRONT_MIGRATIONS_DIR')
  const folder = viewFolder(dir, placeholders)
  const layout = await layoutOf(folder, format, shown)
  const listing = layout.list(folder, shown)
  const { migrations, repeatable = [], notices = [] } = listing
  const problems = [...listing.problems]
  if (migrations.length + repeatable.length + problems.length === 0) throw emptyFolder(dir, shown)
  return { ...listing, repeatable, layout, problems, notices }
}

/** Those of other tools are loaded when one of them may be meant: a start with a folder of ours needs none. */
async function layoutOf(folder: Folder, asked: Format | 'auto', shown: string): Promise<Layout> {
  if (asked === 'auto' && bearsNoMark(folder)) return plain
  return (await import('./layouts/choose.ts')).chooseLayout(folder, asked, shown)
}

/** What another tool's history would say of a migration: what its layout knows, else its name. */
export function traceSource(dir: string, { name, file, origin }: SourceMigration): [string, Origin] {
  return [name, origin ? origin(readFileSync(resolve(dir, file))) : { key: name, hashes: [] }]
}

/** Other tools keep a folder for each migration: an empty answer would be a green deploy of nothing. */
function emptyFolder(dir: string, shown: string): Failure {
  const nested = readdirSync(dir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
  )
  const { what, next } = finding(
    'file-name',
    `there are no migrations in ${shown}`,
    undefined,
    'Put files named <digits>_<words>.sql there, for example 0001_users.sql.',
  )
  return new Failure('INVALID', what, {
    ...(nested.length > 0 ? { reason: `it holds folders only, such as ${nested[0]!.name}/` } : {}),
    ...(next ? { next } : {}),
  })
}
