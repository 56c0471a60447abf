import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checksum } from '../folder/text.ts'
import type { SchemaStory } from '../schema/steps.ts'
import { broken, readHead } from './manifest.ts'

/** The part of a bundle that says which schema its migrations make; the manifest has its checksum. */
export const schemaFile = 'schema.json'

const schemaFormat = 1

/** As it is written: a head, and a line for each migration. */
export function renderSchema({ steps, ...head }: SchemaStory): string {
  const start = JSON.stringify({ format: schemaFormat, ...head }).slice(0, -1)
  return `${start},"steps":[\n${steps.map((step) => JSON.stringify(step)).join(',\n')}\n]}\n`
}

/** The schema that a compiled folder makes, null when it was compiled without; throws INVALID when it is not what the compiler wrote. */
export function openSchema(dir: string, shown = dir): SchemaStory | null {
  const { schema: expected } = readHead<{ readonly format: number; readonly schema?: string }>(dir, shown)
  if (expected === undefined) return null
  const path = join(dir, schemaFile)
  if (!existsSync(path)) throw broken(shown, `${schemaFile} is missing`)
  const bytes = readFileSync(path)
  if (checksum(bytes) !== expected) throw broken(shown, `${schemaFile} is not the one that was compiled`)
  const { format, ...story } = JSON.parse(bytes.toString()) as SchemaStory & { readonly format: number }
  if (format === schemaFormat) return story
  throw broken(shown, `${schemaFile}: format ${format} is not ${schemaFormat}, which this version of upfront reads`)
}
