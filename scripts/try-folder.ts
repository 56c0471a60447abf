#!/usr/bin/env node
/**
 * `npm run try-folder -- <folder> [--format X] [--half]`: runs another project's migrations as their own tool does, and
 * with `upfront up`, each in an empty database, and prints one line that says how both ended and whether the schemas
 * agree. With `--half` the tool does the first half, its history table included, and Upfront the rest.
 * With `--image upfront` the rest is `docker run` of that image with the folder mounted, as the README has it; the server
 * must be of this machine, or reachable from it by the URL that `--server` gives.
 * `--before` names SQL files that run first in both, for roles and schemas that the project expects. Values for
 * placeholders are UPFRONT_PLACEHOLDER_* of the environment. Nothing of it is left on the server.
 */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { chooseLayout } from '../src/folder/layouts/choose.ts'
import { viewFolder } from '../src/folder/layouts/folder-view.ts'
import { withPostgres } from '../src/embedded/postgres.ts'
import { withDatabase } from './try-folder/database.ts'
import { histories } from './try-folder/history.ts'
import { runReference } from './try-folder/reference.ts'
import { describeSchema, difference } from './try-folder/schema.ts'
import type { Step } from './try-folder/step.ts'
import { tools } from './try-folder/tools.ts'
import { requireReadable, upOfImage, upOfProgram } from './try-folder/up.ts'

const options = {
  format: { type: 'string', default: 'auto' },
  half: { type: 'boolean', default: false },
  /** Only the tool's own run. */
  reference: { type: 'boolean', default: false },
  upfront: { type: 'string', default: join(import.meta.dirname, '../entrypoint.ts') },
  image: { type: 'string' },
  before: { type: 'string', multiple: true, default: [] as string[] },
  server: { type: 'string' },
  project: { type: 'string' },
} as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
if (positionals.length !== 1) throw new Error('which folder? npm run try-folder -- <folder> [--format X] [--half]')
const dir = resolve(positionals[0]!)
const ours = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('UPFRONT_')))
const placeholders = Object.fromEntries(
  Object.entries(ours).flatMap(([name, value]) => {
    const [, placeholder] = /^UPFRONT_PLACEHOLDER_(.+)$/.exec(name) ?? []
    return placeholder === undefined ? [] : [[placeholder, value!]]
  }),
)
const up = values.image ? upOfImage(values.image) : upOfProgram(values.upfront)
if (values.image) requireReadable(dir)

if (values.server) await tryFolder(values.server)
else await withPostgres({ auth: 'trust' }, ({ url }) => tryFolder(url))

async function tryFolder(server: string): Promise<void> {
  const format = values.format === 'auto' ? guess() : values.format
  const tool = tools[format]
  if (!tool) return print(format, 0, [format === 'plain' ? 'no mark of a tool' : 'no reference for this format'])
  const isFolders = format === 'drizzle' && !existsSync(join(dir, 'meta/_journal.json'))
  const history = histories[isFolders ? 'drizzle 1.0' : format]!
  let steps: readonly Step[]
  try {
    steps = tool.list(dir, placeholders)
  } catch (error) {
    return print(format, 0, [`the tool refuses it: ${(error as Error).message.replace(dir, '.')}`])
  }
  const reference = (part: readonly Step[]) => (client: pg.Client) => runReference(client, tool, part, { history, dir })

  const whole = await inDatabase(server, async (client) => {
    const outcome = await reference(steps)(client)
    return { ...outcome, schema: await describeSchema(client, history) }
  })
  const cells = [whole.error ?? `ok (${whole.schema.length} lines)`]
  if (!values.reference) {
    const tried = await inDatabase(server, async (client, url) => {
      const first = steps.slice(0, values.half ? Math.ceil(steps.length / 2) : 0)
      const outcome = values.half ? await reference(first)(client) : { error: null }
      // Upfront is another session: what the tool's has set in its own must not hold anything back.
      if (outcome.error !== null) return { up: `not tried, the first half failed: ${outcome.error}`, schema: null }
      const ended = up({ dir, format: values.format, url, settings: ours })
      return { up: ended, schema: await describeSchema(client, history) }
    })
    const differs = difference(whole.schema, tried.schema ?? whole.schema)
    const shown = differs.slice(0, 4).map((line) => line.slice(0, 160))
    const schemas = differs.length === 0 ? 'equal' : `${differs.length} lines differ: ${shown.join(' // ')}`
    cells.push(tried.up, tried.schema ? schemas : 'not compared')
  }
  print(format + (isFolders ? ' 1.0' : ''), steps.length, cells)
}

function print(format: string, count: number, cells: readonly string[]): void {
  const project = values.project ?? basename(dir)
  const line = [project, format, count, ...(values.half ? ['half'] : []), ...cells]
  console.log(line.map((cell) => String(cell).replace(/\s+/g, ' ')).join(' | '))
}

function guess(): string {
  try {
    return chooseLayout(viewFolder(dir, placeholders), 'auto', dir).format
  } catch (error) {
    return (error as Error).message
  }
}

/** In an empty database, after what the project expects to be there. */
function inDatabase<T>(server: string, use: (client: pg.Client, url: string) => Promise<T>): Promise<T> {
  const before = values.before.map((file) => readFileSync(file, 'utf8'))
  return withDatabase(server, before, use)
}
