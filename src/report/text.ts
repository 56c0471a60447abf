import type { Blocker, Event } from '../events.ts'
import { formatDuration } from './duration.ts'
import { describeFailure, joinNames } from './failure.ts'
import { levelOf } from './fields.ts'
import { layOut, type Line, type Tone } from './line.ts'
import { printable } from './printable.ts'
import type { Redact } from './redact.ts'
import { mapStrings } from './without-secrets.ts'

/** How the log for people is written. */
export interface TextOptions {
  readonly debug: boolean
  readonly colour: boolean
  readonly redact: Redact
}

const noticeableWaitMs = 1000
const successes: ReadonlySet<Event['type']> = new Set([
  'ready',
  'up_to_date',
  'applied',
  'seeded',
  'reverted',
  'reset',
  'adopted',
  'baselined',
  'repaired',
  'verified',
  'held',
  'done',
])

/** Makes the log for people: each event becomes its lines, or nothing when there is no news in it. */
export function makeText({ debug, colour, redact }: TextOptions): (event: Event) => string {
  let waited = false
  return (event) => {
    waited ||= event.type === 'waiting'
    // Whoever did not wait for the database need not hear that it is there.
    if (event.type === 'ready' && !debug && !waited && event.elapsedMs < noticeableWaitMs) return ''
    // A thousand tenants would be a thousand lines; the progress counts them.
    if (event.type === 'tenant' && !debug) return ''
    return layOut(describeEvent(event, redact), toneOf(event), colour)
  }
}

/** What an event says to people, without secrets and without control characters. */
export function describeEvent(event: Event, redact: Redact): readonly Line[] {
  if (event.type === 'failed') return describeFailure(event, redact)
  const describe = lines[event.type] as (event: Event) => readonly Line[]
  return describe(mapStrings(event, (text) => printable(redact(text))))
}

type Described = Exclude<Event, { type: 'failed' }>

const lines: { readonly [T in Described['type']]: (event: Extract<Event, { type: T }>) => readonly Line[] } = {
  start: ({ command, version, bundle, migrations, target, source }) => [
    ...line(`upfront ${version}`, `${command}: ${count(migrations, 'migration')} in ${bundle}`),
    ...(target === '' ? [] : line('database', source === '' ? target : `${target} (${source})`)),
  ],
  warning: ({ message }) => line('warning', message),
  waiting: ({ reason, target }) => line('waiting', `${reason} (${target})`),
  ready: ({ serverVersion, elapsedMs }) =>
    line('ready', `PostgreSQL ${serverVersion} after ${formatDuration(elapsedMs)}`),
  up_to_date: ({ migrations, seed }) =>
    line('up to date', `${count(migrations, 'migration')}${seed === null ? '' : ` and the seeds for ${seed}`}`),
  held_back: ({ names }) => line('held back', `${count(names.length, 'migration')} still pending: ${joinNames(names)}`),
  deferred: ({ names, why }) => [
    ...line('deferred', `${joinNames(names)}: until nothing older is left, for upfront contract`),
    ...why.flatMap((one) => line('', one)),
  ],
  ahead: ({ names }) =>
    line('ahead', `the database has ${count(names.length, 'migration')} that this image has not: ${joinNames(names)}`),
  lock_waiting: ({ holder, elapsedMs }) =>
    line('waiting', `another runner holds the lock: ${holder} (${formatDuration(elapsedMs)})`),
  connection_lost: ({ reason }) => line('disconnected', reason),
  retrying: ({ name, reason, delayMs }) => line('retrying', `${name}  in ${formatDuration(delayMs)}: ${reason}`),
  blocked: ({ name, blockers, elapsedMs }) => [
    ...line('blocked', `${name}  for ${formatDuration(elapsedMs)}, by ${count(blockers.length, 'session')}`),
    ...blockers.flatMap((blocker) => line('', describeBlocker(blocker))),
  ],
  progress: ({ name, phase, percent, elapsedMs }) =>
    line('running', `${name}  ${formatDuration(elapsedMs)}: ${phase}${percent === null ? '' : `, ${percent} %`}`),
  applying: ({ name }) => line('applying', name),
  applied: ({ name, durationMs }) => line('applied', `${name}  ${formatDuration(durationMs)}`),
  seeded: ({ name, durationMs }) => line('seeded', `${name}  ${formatDuration(durationMs)}`),
  reverted: ({ name, durationMs }) => line('reverted', `${name}  ${formatDuration(durationMs)}`),
  reset: ({ objects, durationMs }) =>
    line('reset', `${count(objects, 'object')} dropped, the history emptied  ${formatDuration(durationMs)}`),
  pending: ({ names }) => line('waiting', `${count(names.length, 'migration')} still pending: ${joinNames(names)}`),
  held: ({ lease, version, ttlMs }) =>
    line(
      'held',
      `${version === null ? '' : `version ${version}, `}lease ${lease}, which lasts ${formatDuration(ttlMs)}`,
    ),
  not_renewed: ({ reason, leftMs }) =>
    line(
      'not renewed',
      `${reason}; trying on, the lease ${leftMs === 0 ? 'has run out' : `lasts ${formatDuration(leftMs)} more`}`,
    ),
  released: ({ lease }) => line('released', `lease ${lease}`),
  adopted: ({ names, from, table }) =>
    line('adopted', `${count(names.length, 'migration')} that ${from} has applied (${table}): ${joinNames(names)}`),
  baselined: ({ name }) => line('baselined', name),
  verified: ({ objects, elapsedMs }) =>
    line('verified', `${count(objects, 'object')} as the migrations make them  ${formatDuration(elapsedMs)}`),
  drift: ({ differences }) => [
    ...line('drift', `the live schema differs in ${count(differences.length, 'thing')} from what the migrations make`),
    ...listed(differences).flatMap((text) => line('', text)),
  ],
  repaired: ({ action, name, meaning }) => line('repaired', `${name}  ${action}: ${meaning}`),
  notice: ({ name, severity, message }) => line('notice', `${name}  ${severity}: ${message}`),
  tenant: ({ name, state, code, reason, durationMs }) =>
    line(
      state === 'nothing' ? 'up to date' : state,
      `${name}  ${formatDuration(durationMs)}${code === null ? '' : `: ${code} ${reason ?? ''}`}`,
    ),
  fleet: ({ command, done, nothing, failed, notTried, elapsedMs }) =>
    line('fleet', `${command}: ${count(done + nothing + failed + notTried, 'tenant')} in ${formatDuration(elapsedMs)}`),
  interrupted: ({ signal }) => line('interrupted', `${signal}: stopping`),
  done: ({ applied, seeded, reverted, recorded, elapsedMs }) =>
    line(
      'done',
      `${recorded ? `${count(recorded, 'migration')} recorded` : tally(applied, seeded, reverted)} in ${formatDuration(elapsedMs)}`,
    ),
}

function describeBlocker({ pid, application, user, state, forMs, query }: Blocker): string {
  const who = `pid ${pid} ${application === '' ? '(no application name)' : application} as ${user}`
  const what = `${state} for ${formatDuration(forMs)}${query === '' ? '' : `: ${query}`}`
  return `${who}, ${what}; to end it: select pg_terminate_backend(${pid});`
}

const mostListed = 30

/** Whoever has lost a whole schema need not scroll for what else was said. */
function listed(all: readonly string[]): string[] {
  const rest = all.length - mostListed
  return [...all.slice(0, mostListed), ...(rest > 0 ? [`and ${rest} more: upfront verify lists them`] : [])]
}

function toneOf(event: Event): Tone {
  const level = levelOf(event)
  if (level === 'warn' || level === 'error') return level
  return successes.has(event.type) ? 'good' : 'plain'
}

function line(verb: string, text: string): Line[] {
  return [{ verb, text }]
}

function tally(applied: number, seeded: number, reverted: number): string {
  const parts = [...(applied > 0 ? [count(applied, 'migration')] : []), ...(seeded > 0 ? [count(seeded, 'seed')] : [])]
  const back = reverted > 0 ? [`${count(reverted, 'migration')} taken back`] : []
  const said = [...back, ...(parts.length > 0 ? [`${parts.join(' and ')} applied`] : [])].join(', ')
  return said === '' ? 'nothing to apply,' : said
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
