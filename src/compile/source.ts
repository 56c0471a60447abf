import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, type Problem } from '../errors.ts'
import type { Bundle, Migration } from '../migrations/migration.ts'
import { type SourceMigration, listPlain } from './layouts/plain.ts'
import { loadParser, parseSql } from './sql.ts'
import { checksum, decode, digest } from './text.ts'

/** Compiles a folder of migrations in memory; throws one INVALID with every problem of every file. */
export async function compileMigrations(dir: string, shown = dir): Promise<Bundle> {
  requireFolder(dir, shown, 'migrations', 'UPFRONT_MIGRATIONS_DIR')
  const { migrations: sources, problems: found } = listPlain(dir, shown)
  await loadParser()
  const compiled = sources.map((source) => compileMigration(dir, shown, source))
  const problems = [...found, ...compiled.flatMap((one) => one.problems)]
  if (problems.length > 0) throw invalid(shown, problems)
  const migrations = compiled.map((one) => one.migration!)
  if (migrations.length === 0) throw emptyFolder(dir, shown)
  return { dir: shown, digest: digest(migrations), count: migrations.length, list: async () => migrations }
}

/** INVALID with all that was found, each with its place. */
export function invalid(dir: string, problems: readonly Problem[]): Failure {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  return new Failure('INVALID', `${count} in ${dir}; the database was not touched`, { problems })
}

/** Throws INVALID when there is no such folder. */
export function requireFolder(dir: string, shown: string, what: string, setting: string): void {
  if (existsSync(dir) && statSync(dir).isDirectory()) return
  throw new Failure('INVALID', `there is no ${what} folder ${shown}`, {
    next: `Mount it there (-v ./${what}:/${what}:ro), copy it into the image, or set ${setting}.`,
  })
}

/** The text of a file, or the problem it has. */
export function readText(path: string, shown: string): { readonly text: string } | { readonly problem: Problem } {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    return { problem: { what: `${shown} cannot be read`, next: (error as Error).message } }
  }
  const decoded = decode(bytes)
  if ('text' in decoded) return decoded
  const before = bytes.subarray(0, decoded.offset).toString('latin1').split('\n')
  const place = { file: shown, line: before.length, column: before.at(-1)!.length + 1, text: '' }
  return { problem: { what: decoded.problem, place, next: 'Save the file as UTF-8.' } }
}

interface Compiled {
  readonly migration?: Migration
  readonly problems: readonly Problem[]
}

const downMarker = /^--[ \t]*upfront:down[ \t]*$/m
const noTransactionMarker = /^(\s|--.*\n)*--[ \t]*upfront:no-transaction[ \t]*$/m

function compileMigration(dir: string, shown: string, source: SourceMigration): Compiled {
  const file = join(shown, source.file)
  const read = readText(join(dir, source.file), file)
  if ('problem' in read) return { problems: [read.problem] }
  const marker = downMarker.exec(read.text)
  const up = marker ? read.text.slice(0, marker.index) : read.text
  const problems: Problem[] = []
  const parsed = parseSql(file, up)
  problems.push(...parsed.problems)
  if (noTransactionMarker.test(up)) {
    problems.push({
      what: `${file} is marked upfront:no-transaction, which this version cannot run yet`,
      next: 'Remove the marker, or run that file by hand.',
    })
  }
  const down = readDown(dir, shown, source, marker ? read.text.slice(marker.index) : null, problems)
  if (marker && down !== null) {
    // Blank lines in front keep the places of the down part those of the file.
    const shifted = up.replace(/[^\n]/g, ' ') + down
    problems.push(...parseSql(file, shifted).problems)
  }
  if (problems.length > 0) return { problems }
  const { statements, creates } = parsed
  const { name } = source
  const sum = checksum(up)
  return {
    problems: [],
    migration: { name, file, checksum: sum, transaction: true, statements, creates, down, readSql: () => up },
  }
}

function readDown(
  dir: string,
  shown: string,
  source: SourceMigration,
  section: string | null,
  problems: Problem[],
): string | null {
  if (source.downFile === null) return section
  const file = join(shown, source.downFile)
  if (section !== null) {
    problems.push({
      what: `${source.name} has two downs: ${file}, and a part after "-- upfront:down"`,
      next: 'Keep one of them.',
    })
    return section
  }
  const read = readText(join(dir, source.downFile), file)
  if ('problem' in read) {
    problems.push(read.problem)
    return null
  }
  problems.push(...parseSql(file, read.text).problems)
  return read.text
}

/** Other tools keep a folder for each migration: an empty answer would be a green deploy of nothing. */
function emptyFolder(dir: string, shown: string): Failure {
  const nested = readdirSync(dir, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
  )
  return new Failure('INVALID', `there are no migrations in ${shown}`, {
    ...(nested.length > 0 ? { reason: `it holds folders only, such as ${nested[0]!.name}/` } : {}),
    next: 'Put files named <digits>_<words>.sql there, for example 0001_users.sql.',
  })
}
