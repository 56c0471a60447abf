import { createHash } from 'node:crypto'
import type { FleetConfig } from '../config/fleet.ts'
import type { FleetTarget } from './fleet.ts'

/** The shard that a tenant belongs to, by its name alone, so that it is the same on every machine and in every run. */
export function shardOf(name: string, shards: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % shards
}

/** Those of this shard. */
export function ofShard(targets: readonly FleetTarget[], { shard, shards }: FleetConfig): readonly FleetTarget[] {
  return shards === 1 ? targets : targets.filter(({ name }) => shardOf(name, shards) === shard)
}

/** Those that a list of names and groups names, and what of it names none. */
export function pick(targets: readonly FleetTarget[], list: string) {
  const words = list.split(',').map((word) => word.trim())
  const picked = targets.filter(({ name, group }) => words.includes(name) || (group !== null && words.includes(group)))
  const unknown = words.filter((word) => !targets.some(({ name, group }) => name === word || group === word))
  return { picked, unknown }
}

/** The canaries, which come first: so many, or those of these names and groups. */
export function canariesOf(targets: readonly FleetTarget[], list: string | undefined): readonly FleetTarget[] {
  if (list === undefined) return []
  return /^\d+$/.test(list) ? targets.slice(0, Number(list)) : pick(targets, list).picked
}

/** How many may fail: a number, or so many of a hundred; undefined for what is neither. */
export function mayFail(text: string | undefined, count: number): number | undefined {
  if (text === undefined) return Infinity
  const [, number, percent] = /^(\d{1,7})(%?)$/.exec(text) ?? []
  if (number === undefined) return undefined
  return percent === '%' ? Math.floor((Number(number) * count) / 100) : Number(number)
}
