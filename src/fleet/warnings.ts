import type { Event } from '../events.ts'
import type { Run } from '../run/run.ts'
import type { FleetTarget } from './fleet.ts'
import { nameSome, without } from './summary.ts'

/** What a run of a fleet has said, and for how many tenants more it would have been the same. */
type Told = Map<string, { readonly message: string; more: number }>

const toldBy = new WeakMap<Run, Told>()
const kindsTold = 100
const differencesTold = 3

/** Passes on what one tenant is warned of, with its name; what was said of another already is counted. */
export function passWarning(run: Run, { name, target }: Pick<FleetTarget, 'name' | 'target'>, event: Event): void {
  const message = tell(event)
  if (message === undefined) return
  const told = toldBy.get(run) ?? new Map<string, never>()
  toldBy.set(run, told)
  const exact = without(message, [name, target.database, target.user]).replace(durations, '…')
  const key = told.has(exact) || told.size < kindsTold ? exact : ''
  const before = told.get(key)
  if (before) before.more += 1
  else {
    told.set(key, { message: key === '' ? 'there are warnings in other words' : message, more: key === '' ? 1 : 0 })
    if (key !== '') run.emit({ type: 'warning', message: `${name}: ${message}` })
  }
}

/** Says at the end how many more each was said for. */
export function tellRepeated(run: Run): void {
  for (const { message, more } of toldBy.get(run)?.values() ?? [])
    if (more > 0) run.emit({ type: 'warning', message: `of ${more} more: ${message}` })
  toldBy.delete(run)
}

/** For how long somebody has held a lease is another moment with each tenant. */
const durations = /\d+(?:\.\d+)? (?:ms|s|min|h)\b(?: \d+ (?:s|min)\b)?/g

function tell(event: Event): string | undefined {
  if (event.type === 'warning') return event.message
  if (event.type === 'drift') return tellDrift(event)
  return event.type === 'deferred' ? tellDeferred(event) : undefined
}

function tellDeferred({ names, why }: Extract<Event, { type: 'deferred' }>): string {
  const reason =
    why.length > 0 ? why.join('; ') : 'UPFRONT_CONTRACT=when-safe has fleet up look whether it may be applied'
  return `${nameSome(names)} deferred until nothing older is left: ${reason}`
}

function tellDrift({ differences }: Extract<Event, { type: 'drift' }>): string {
  const more = differences.length - differencesTold
  const list = [...differences.slice(0, differencesTold), ...(more > 0 ? [`and ${more} more`] : [])]
  return `the live schema is not what the migrations make: ${list.join('; ')}`
}
