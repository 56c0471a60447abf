import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeBundle } from '../compile/bundle.ts'
import { type CheckedFolder, checkMigrationsFolder, checkSeedsFolder } from '../compile/folder.ts'
import { lint } from '../compile/squawk.ts'
import { Failure, type Problem } from '../errors.ts'
import { annotations } from './annotations.ts'
import { showPath } from './folders.ts'
import type { Run } from './run.ts'

/** Checks both folders and, with --out, writes them as bundles; throws INVALID with everything that is wrong. */
export async function compile(run: Run): Promise<number> {
  const { migrationsDir, seedsDir } = run.config
  const migrations = await checkMigrationsFolder(migrationsDir, showPath(run, migrationsDir))
  const seeds = existsSync(seedsDir) ? await checkSeedsFolder(seedsDir, showPath(run, seedsDir)) : null
  const folders = seeds === null ? [migrations] : [migrations, seeds]
  const found = folders.flatMap(({ problems }) => problems)
  const linted = await lint(
    folders.flatMap((folder) => folder.linted),
    run.io.cwd,
    run.io.env['PATH'] ?? '',
  )
  const denied = run.flags['deny'] ? linted : []
  const warnings = run.flags['deny'] ? [] : linted
  const problems = [...found, ...denied]
  const notices = folders.flatMap((folder) => folder.notices)
  const out = run.flags['out'] === undefined ? null : resolve(run.io.cwd, String(run.flags['out']))
  if (problems.length === 0 && out !== null) writeFolders(migrations, seeds, out)
  for (const one of [...warnings, ...notices]) run.emit({ type: 'warning', message: inOneLine(one) })
  if (run.flags['json'])
    run.answer(asJson(problems, warnings, notices, migrations, seeds, out === null ? null : showPath(run, out)))
  else if (run.io.env['GITHUB_ACTIONS'] === 'true') answerAnnotations(run, problems, warnings, notices)
  if (problems.length > 0) throw refused(folders, problems)
  if (!run.flags['json']) run.answer(summarize(migrations, seeds, out === null ? null : showPath(run, out)))
  return 0
}

function writeFolders(migrations: CheckedFolder, seeds: CheckedFolder | null, out: string): void {
  writeBundle(migrations, join(out, 'migrations'))
  if (seeds !== null) writeBundle(seeds, join(out, 'seeds'))
}

function refused(folders: readonly CheckedFolder[], problems: readonly Problem[]): Failure {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  const wrong = folders.filter((folder) => folder.problems.length > 0)
  const where = (wrong.length === 0 ? folders : wrong).map(({ shown }) => shown).join(' and ')
  return new Failure('INVALID', `${count} in ${where}; nothing was written`, { problems })
}

function asJson(
  problems: readonly Problem[],
  warnings: readonly Problem[],
  notices: readonly Problem[],
  migrations: CheckedFolder,
  seeds: CheckedFolder | null,
  out: string | null,
): string {
  const folder = ({ shown, count, digest }: CheckedFolder) => ({ dir: shown, count, digest })
  const answer = {
    ok: problems.length === 0,
    migrations: folder(migrations),
    seeds: seeds === null ? null : folder(seeds),
    out: problems.length === 0 ? out : null,
    problems,
    warnings,
    notices,
  }
  return JSON.stringify(answer, null, 2)
}

function answerAnnotations(
  run: Run,
  problems: readonly Problem[],
  warnings: readonly Problem[],
  notices: readonly Problem[],
) {
  const lines = [
    ...annotations('error', problems),
    ...annotations('warning', warnings),
    ...annotations('notice', notices),
  ]
  if (lines.length > 0) run.answer(lines.join('\n'))
}

function inOneLine({ what, place, next }: Problem): string {
  const where = place ? `${place.file}:${place.line}:${place.column}: ` : ''
  return `${where}${what}${next ? `${what.endsWith('.') ? '' : '.'} ${next}` : ''}`
}

function summarize(migrations: CheckedFolder, seeds: CheckedFolder | null, out: string | null): string {
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
  const what = [count(migrations.count, 'migration'), ...(seeds ? [count(seeds.count, 'seed')] : [])].join(' and ')
  return out === null ? `${what}: no problems` : `${what} compiled into ${out}`
}
