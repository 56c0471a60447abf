import { createHash } from 'node:crypto'
import type { FleetConfig } from '../config/fleet.ts'
import type { Listed } from './fleet.ts'

/** The shard that a tenant belongs to, by its name alone, so that it is the same on every machine and in every run. */
export function shardOf(name: string, shards: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % shards
}

/** Whether a tenant is of this shard. */
export function isOfShard({ name }: Pick<Listed, 'name'>, { shard, shards }: FleetConfig): boolean {
  return shards === 1 || shardOf(name, shards) === shard
}

/** Names and groups of tenants, and which of them have named none so far. */
export interface Choice {
  readonly has: (one: Pick<Listed, 'name' | 'group'>) => boolean
  readonly unknown: ReadonlySet<string>
}

/** Reads a list with commas. */
export function choose(list: string): Choice {
  const words = new Set(list.split(',').map((word) => word.trim()))
  const unknown = new Set(words)
  const has: Choice['has'] = ({ name, group }) => {
    const found = [name, group].filter((word) => word !== null && words.has(word)) as string[]
    for (const word of found) unknown.delete(word)
    return found.length > 0
  }
  return { has, unknown }
}

/** The canaries, which come first: so many, or those of these names and groups. */
export function canariesOf(left: readonly Listed[], list: string | undefined): readonly Listed[] {
  if (list === undefined) return []
  return /^\d+$/.test(list) ? left.slice(0, Number(list)) : left.filter(choose(list).has)
}

/** How many may fail: a number, or so many of a hundred; undefined for what is neither. */
export function mayFail(text: string | undefined, count: number): number | undefined {
  if (text === undefined) return Infinity
  const [, number, percent] = /^(\d{1,7})(%?)$/.exec(text) ?? []
  if (number === undefined) return undefined
  return percent === '%' ? Math.floor((Number(number) * count) / 100) : Number(number)
}
