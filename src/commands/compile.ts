import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type CheckedFolder, checkMigrationsFolder, checkSeedsFolder } from '../bundle/pack-folder.ts'
import { writeBundle } from '../bundle/write.ts'
import { allowingOf } from '../checks/allowable.ts'
import { tellUnused } from '../checks/allowances.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import { lint } from '../checks/squawk.ts'
import { Failure, type Problem } from '../errors.ts'
import { addLines } from '../folder/allow-file.ts'
import { sayHowToKeep, sayRefused } from '../folder/foreign/unrunnable.ts'
import { annotations } from '../report/annotations.ts'
import { migrationsFolderOf, showPath } from '../run/folders.ts'
import type { Run } from '../run/run.ts'
import { storyOfChecked } from '../run/shadow/story-of.ts'
import type { Told } from '../run/shadow/tell-story.ts'
import { compareSchemas } from '../schema/difference.ts'
import { schemaAfter } from '../schema/steps.ts'

/** Checks both folders and, with --out, writes them as bundles; throws INVALID with everything that is wrong. */
export async function compile(run: Run): Promise<number> {
  if (run.flags['before'] !== undefined && !run.flags['schema'])
    throw new Failure('USAGE', '--before is what runs before the migrations of --schema, which is not there')
  let checked = await check(run)
  let added = false
  // A file whose findings are allowed shows what else there is in it.
  while (run.flags['allow-existing'] && allowExisting(run, checked) > 0) {
    added = true
    checked = await check(run)
  }
  const { folders, problems, notices } = checked
  const [migrations, seeds = null] = folders
  const out = run.flags['out'] === undefined ? null : resolve(run.io.cwd, String(run.flags['out']))
  const told = problems.length === 0 && run.flags['schema'] ? await storyOfChecked(run, migrations) : null
  const warnings = [...checked.warnings, ...(told?.findings ?? [])]
  if (problems.length === 0 && out !== null) {
    writeBundle(migrations, join(out, 'migrations'), told?.story)
    if (seeds !== null) writeBundle(seeds, join(out, 'seeds'))
  }
  for (const one of [...warnings, ...notices]) run.emit({ type: 'warning', message: inOneLine(one) })
  if (run.flags['json'])
    run.answer(
      asJson({ problems, warnings, notices, migrations, seeds, out: out === null ? null : showPath(run, out) }),
    )
  else if (run.io.env['GITHUB_ACTIONS'] === 'true') answerAnnotations(run, problems, warnings, notices)
  if (problems.length > 0) throw refused(folders, problems, added)
  if (!run.flags['json']) run.answer(summarize(migrations, seeds, out === null ? null : showPath(run, out), told))
  return 0
}

/** Both folders, and everything that was found in them. */
interface Checked {
  readonly folders: readonly [CheckedFolder, CheckedFolder?]
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
  readonly notices: readonly Problem[]
  /** Of squawk, which looks at migrations alone. */
  readonly denied: readonly Problem[]
}

async function check(run: Run): Promise<Checked> {
  const { seedsDir } = run.config
  const migrations = await checkMigrationsFolder(migrationsFolderOf(run))
  const seeds = existsSync(seedsDir) ? await checkSeedsFolder(seedsDir, showPath(run, seedsDir)) : undefined
  const folders: Checked['folders'] = seeds ? [migrations, seeds] : [migrations]
  const { asked, found, allowed } = await lint(migrations.linted, run.io.cwd, run.io.env['PATH'] ?? '')
  const { unrunnable } = migrations
  const [denied, linted] = run.flags['deny'] ? [found, []] : [[], found]
  const [refused, kept] = run.flags['keep-unrunnable'] ? [[], unrunnable] : [unrunnable, []]
  const unused = folders.flatMap((folder) => tellUnused(folder!.allowances, asked))
  return {
    folders,
    denied,
    problems: [...folders.flatMap((folder) => folder!.problems), ...refused.map(sayHowToKeep), ...denied],
    warnings: [
      ...kept.map((one) => ({ ...one, what: sayRefused(one.what) })),
      ...linted,
      ...folders.flatMap((folder) => folder!.warnings),
      ...unused,
    ],
    notices: [...folders.flatMap((folder) => folder!.notices), ...allowed],
  }
}

/** Writes into each folder's upfront.allow what is found now, so that only new files are judged; answers how many lines. */
function allowExisting(run: Run, { folders, denied }: Checked): number {
  const [migrations] = folders
  const why = `existed on ${new Date().toISOString().slice(0, 10)}`
  let added = 0
  for (const folder of folders) {
    if (!folder) continue
    const found = [...folder.problems, ...(folder === migrations ? denied : [])]
    // Lines that are wrong have to be mended by somebody before more are added.
    if (found.some(({ rule, place }) => rule === 'allow' && place?.file === join(folder.shown, allowFile))) continue
    const lines = found.flatMap(({ rule, name }) =>
      rule !== undefined && name !== undefined && allowingOf(rule)?.allowed ? [{ rule, name }] : [],
    )
    const count = addLines(folder.dir, folder.shown, lines, why)
    added += count
    if (count === 0) continue
    const message = `${join(folder.shown, allowFile)}: ${count} line${count === 1 ? ' was' : 's were'} added; commit it with the files`
    run.emit({ type: 'warning', message })
  }
  return added
}

function refused(found: Checked['folders'], problems: readonly Problem[], allowed: boolean): Failure {
  const folders = found.filter((folder) => folder !== undefined)
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  const wrong = folders.filter((folder) => folder.problems.length > 0)
  const where = (wrong.length === 0 ? folders : wrong).map(({ shown }) => shown).join(' and ')
  return new Failure('INVALID', `${count} in ${where}; ${allowed ? 'no bundle' : 'nothing'} was written`, { problems })
}

/** What a machine is told. */
interface Answer extends Record<'problems' | 'warnings' | 'notices', readonly Problem[]> {
  readonly migrations: CheckedFolder
  readonly seeds: CheckedFolder | null
  readonly out: string | null
}

function asJson({ problems, warnings, notices, migrations, seeds, out }: Answer): string {
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

function summarize(
  migrations: CheckedFolder,
  seeds: CheckedFolder | null,
  out: string | null,
  told: Told | null,
): string {
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
  const what = [count(migrations.count, 'migration'), ...(seeds ? [count(seeds.count, 'seed')] : [])].join(' and ')
  const unrunnable = new Set(migrations.unrunnable.map(({ name }) => name)).size
  const but = unrunnable === 0 ? '' : `${out === null ? ' but' : ','} ${unrunnable} that cannot run while pending`
  const schema = told === null ? '' : `; ${schemaOf(told)}`
  return `${out === null ? `${what}: no problems` : `${what} compiled into ${out}`}${but}${schema}`
}

function schemaOf({ story }: Told): string {
  const schema = schemaAfter(story)!
  const { major, notModelled } = schema
  const { compared } = compareSchemas(schema, schema, { exclude: [], also: [] })
  const others = notModelled.length === 0 ? '' : `; not modelled: ${notModelled.join(', ')}`
  return `on an empty PostgreSQL ${major} they make a schema of ${compared} objects${others}`
}
