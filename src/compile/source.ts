import { readdirSync } from 'node:fs'
import { resolve, join } from 'node:path'
import { Failure, type Problem } from '../errors.ts'
import type { Bundle, Migration, SqlScript, Statement } from '../migrations/migration.ts'
import { compileDown, splitDown } from './down.ts'
import { readText, requireFolder } from './files.ts'
import { type SourceMigration, listPlain } from './layouts/plain.ts'
import { type ParsedSql, loadParser, parseSql } from './sql.ts'
import { checksum, digest } from './text.ts'

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

interface Compiled {
  readonly migration?: Migration
  readonly problems: readonly Problem[]
}

function compileMigration(dir: string, shown: string, source: SourceMigration): Compiled {
  const path = resolve(dir, source.file)
  const file = join(shown, source.file)
  const { name } = source
  const read = readText(path, file)
  if ('problem' in read) return { problems: [read.problem] }
  if (source.kind === 'module') {
    const down = compileDown(dir, shown, source, null)
    if (down.problems.length > 0) return down
    const script = { kind: 'module', path } as const
    return {
      problems: [],
      migration: { name, file, checksum: checksum(read.text), script, creates: [], down: down.sql },
    }
  }
  const { up, section } = splitDown(read.text)
  const parsed = parseSql(file, up)
  const down = compileDown(dir, shown, source, section)
  const problems = [...parsed.problems, ...refuseAlone(file, up, parsed), ...down.problems]
  if (problems.length > 0) return { problems }
  const script = sqlScript(up, parsed)
  return {
    problems: [],
    migration: { name, file, checksum: checksum(up), script, creates: parsed.creates, down: down.sql },
  }
}

/** How a checked text runs: outside a transaction when it says so, or when it is one statement that has to. */
export function sqlScript(text: string, { statements }: ParsedSql): SqlScript {
  const single = statements.length === 1 && statements[0]!.alone
  return wholeScript(text, !single && !isMarked(text), statements)
}

/** A script that is in memory whole, as one piece. */
export function wholeScript(text: string, transaction: boolean, statements: readonly Statement[]): SqlScript {
  return {
    kind: 'sql',
    transaction,
    joinable: transaction,
    size: Buffer.byteLength(text),
    statements,
    read: () => text,
    pieces: () => [{ sql: text, line: 1, statements: statements.length }],
  }
}

/** Whether a comment before the first statement says `upfront:no-transaction`. */
function isMarked(text: string): boolean {
  return /(?:\s|--.*(?:\n|$)|\/\*[\s\S]*?\*\/)*?--[ \t]*upfront:no-transaction[ \t]*$/my.test(text)
}

/** A statement that cannot run in a transaction, in a file of several that runs in one. */
export function refuseAlone(file: string, text: string, { statements, aloneNames }: ParsedSql): Problem[] {
  if (statements.length < 2 || isMarked(text)) return []
  return aloneNames.map(({ name, place }) => ({
    what: `${name} cannot run inside a transaction, and ${file} runs as one`,
    place,
    next: 'Put it into a file of its own, or begin the file with the comment "-- upfront:no-transaction".',
  }))
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
