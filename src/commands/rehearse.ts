import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { durationExample, parseDuration } from '../config/duration.ts'
import { Failure } from '../errors.ts'
import type { Bundle } from '../migration.ts'
import { openMigrationsOf } from '../run/folders.ts'
import { parseBytes } from '../run/rehearse/format-bytes.ts'
import { onTarget } from '../run/rehearse/on-target.ts'
import { type TargetState, findPending } from '../run/rehearse/pending.ts'
import type { Rehearsal, Stage } from '../run/rehearse/rehearsal.ts'
import { renderHtml } from '../run/rehearse/render/html.ts'
import { renderJson } from '../run/rehearse/render/json.ts'
import { renderMarkdown } from '../run/rehearse/render/markdown.ts'
import { renderText } from '../run/rehearse/render/text.ts'
import { readSizes } from '../run/rehearse/sizes.ts'
import { type Played, onClone, onShadow } from '../run/rehearse/stages.ts'
import { type Limits, type Verdict, judge } from '../run/rehearse/verdict.ts'
import type { Run } from '../run/run.ts'
import { upTo } from '../run/up/up-to.ts'

/** Runs what is pending where it does no harm, and says what it would do to the target; 28 for a danger, 22 for a failure. */
export async function rehearse(run: Run): Promise<number> {
  const limits = readLimits(run)
  const stage = chooseStage(run)
  const bundle = await openMigrationsOf(run)
  upTo(await bundle.list(), run.flags['to'])
  const target = await findPending(run, bundle)
  const played = await play(run, { stage, bundle, target }, limits)
  const sizes = await readSizes(run, played.migrations)
  const rehearsal: Rehearsal = { ...played, stage, bundle: bundle.digest, targetServer: target.server, sizes }
  const verdicts = judge(rehearsal, limits)
  tell(run, rehearsal, verdicts, target)
  if (rehearsal.failure) throw asRehearsed(rehearsal.failure, rehearsal, target)
  refuseDanger(run, verdicts)
  return 0
}

const defaults = { large: '256MB', long: '5s' }

function readLimits({ flags }: Run): Limits {
  const large = parseBytes(String(flags['large'] ?? defaults.large))
  if (typeof large === 'string') throw new Failure('USAGE', `--large ${large}`)
  const long = parseDuration(String(flags['long'] ?? defaults.long))
  if (typeof long === 'string') throw new Failure('USAGE', `--long ${long}; it is one like ${durationExample}`)
  return { largeBytes: large, longMs: long === 0 ? 2 ** 31 - 1 : long }
}

function chooseStage({ flags, config }: Run): Stage {
  if (flags['clone'] && flags['on-target'])
    throw new Failure('USAGE', '--clone and --on-target are two places; choose one')
  if (flags['json'] && flags['markdown'])
    throw new Failure('USAGE', '--json and --markdown are two answers; choose one')
  if (flags['on-target']) return 'target'
  return flags['clone'] ? 'clone' : config.shadow === null ? 'embedded' : 'shadow'
}

/** What is rehearsed, and where. */
interface Play {
  readonly stage: Stage
  readonly bundle: Bundle
  readonly target: TargetState
}

async function play(run: Run, { stage, bundle, target }: Play, { longMs }: Limits): Promise<Played> {
  // Where nothing is pending no database is made for it.
  if (target.pending.length === 0)
    return { server: target.server, migrations: [], difference: null, failure: null, notes: [] }
  if (stage === 'target') return onTarget(run, target, longMs)
  return stage === 'clone' ? onClone(run, target) : onShadow(run, bundle, target)
}

function tell(run: Run, rehearsal: Rehearsal, verdicts: readonly Verdict[], { ahead }: TargetState): void {
  const { html, json, markdown } = run.flags
  if (typeof html === 'string') writePage(run, html, renderHtml(rehearsal, verdicts))
  if (json) return run.answer(renderJson(rehearsal, verdicts))
  if (markdown) return run.answer(renderMarkdown(rehearsal, verdicts))
  if (rehearsal.migrations.length > 0) return run.answer(renderText(rehearsal, verdicts))
  run.answer(
    ahead.length === 0 ? 'nothing is pending' : `nothing is pending; the database is ahead: ${ahead.join(', ')}`,
  )
}

function writePage(run: Run, path: string, page: string): void {
  try {
    writeFileSync(resolve(run.io.cwd, path), page)
  } catch (error) {
    throw new Failure('USAGE', `--html: ${path} cannot be written`, { reason: (error as Error).message }, error)
  }
}

/** A migration that fails here would fail there: the same words, with the code that up would have ended with. */
function asRehearsed(failure: Failure, { stage, migrations }: Rehearsal, { missing }: TargetState): Failure {
  if (failure.code !== 'FAILED' && failure.code !== 'PARTIAL') return failure
  const lacking = missing.length > 0 && stage !== 'target' && stage !== 'clone'
  const { list: _, next = '', ...facts } = failure.facts
  // What up says of what has been done and left is not so here.
  const mend = /^(Mend|Look|Remove|Put)/.test(next) ? 'Mend the file: on the target nothing has happened.' : next
  const perhaps = `Perhaps only because the shadow lacks what ${missing.join(', ')} made, which this bundle does not have: try --clone or --on-target.`
  const withoutRows = stage !== 'target' && stage !== 'clone' && migrations.at(-1)?.failed?.assertion
  const rows =
    'Mend it: on the target nothing has happened. Or it holds only with rows, which the shadow has none of: try --clone or --on-target.'
  const message = `up would end with ${failure.exitCode}: ${failure.message}`
  return new Failure('FAILED', message, { ...facts, next: lacking ? perhaps : withoutRows ? rows : mend }, failure)
}

function refuseDanger(run: Run, verdicts: readonly Verdict[]): void {
  const dangers = verdicts.filter(({ level }) => level === 'danger')
  if (dangers.length === 0) return
  const list = dangers.map(
    ({ migration, line, words }) => `${migration}${line === null ? '' : `, line ${line}`}: ${words}`,
  )
  if (run.flags['allow-danger']) {
    for (const message of list) run.emit({ type: 'warning', message })
    return
  }
  throw new Failure('REFUSED', 'what is pending is a danger to the target; nothing was done there', {
    list,
    next: 'Divide it, so that no lock is held for long; or, when nobody is kept waiting, let it pass: --allow-danger.',
  })
}
