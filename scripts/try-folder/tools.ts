// How each tool lists a folder and sends it, written after the tools themselves: Upfront is measured with it, so nothing
// of src/folder/layouts may be in it.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findSegments } from '../../src/sql/segments.ts'
import { listFlyway } from './flyway.ts'
import { dbmateUp, gooseUp, graphileUp, nodePgMigrateUp, sqlMigrateUp, ternUp } from './sections.ts'
import { entriesOf, stepOf, type Step, type Values } from './step.ts'

/** A tool as far as a client of Postgres can be one. */
export interface Tool {
  readonly list: (dir: string, values: Values) => readonly Step[]
  /** Whether all that is pending runs in one transaction. */
  readonly together?: true
  /** Whether it takes back settings of the session after each migration. */
  readonly resets?: true
}

/** By the names of UPFRONT_FORMAT. */
export const tools: Readonly<Record<string, Tool>> = {
  prisma: {
    list: (dir) =>
      entriesOf(dir)
        // Folders, whatever their names: there are some that end in .sql.
        .filter((name) => entriesOf(join(dir, name)).length > 0)
        .map((name) => inFolder(dir, name, () => ({ wrapped: false }))),
  },
  drizzle: {
    together: true,
    list: (dir) =>
      journalOf(dir) ??
      foldersOf(dir)
        .toSorted((a, b) => a.localeCompare(b))
        .map((name) => inFolder(dir, name, broken)),
  },
  'golang-migrate': {
    list: (dir) =>
      numbered(dir, /^([0-9]+)_(.*)\.up\.sql$/)
        .sort(byNumber)
        .map(({ file, version }) => stepOf(dir, file, () => ({ wrapped: false, version: String(BigInt(version)) }))),
  },
  sqlx: {
    list: (dir) =>
      numbered(dir, /^([0-9]+)_(.+?)(?:\.up)?\.sql$/)
        .filter(({ file }) => !file.endsWith('.down.sql'))
        .sort(byNumber)
        .map(({ file, version, rest }) =>
          stepOf(dir, file, (text) => ({
            wrapped: !text.startsWith('-- no-transaction'),
            version: String(BigInt(version)),
            description: rest.replaceAll('_', ' '),
          })),
        ),
  },
  supabase: {
    resets: true,
    list: (dir) =>
      numbered(dir, /^([0-9]+)_(.*)\.sql$/).map(({ file, version, rest }) =>
        stepOf(dir, file, () => ({ wrapped: false, version, description: rest })),
      ),
  },
  dbmate: {
    list: (dir) =>
      numbered(dir, /^([0-9]+)(.*)\.sql$/).map(({ file, version }) =>
        stepOf(dir, file, (text) => ({ version, ...dbmateUp(text) })),
      ),
  },
  goose: {
    list: (dir) =>
      numbered(dir, /^([0-9]+)_(.*)\.(?:sql|go)$/)
        .filter(({ file }) => !file.endsWith('_test.go'))
        .sort(byNumber)
        .map(({ file, version }) =>
          stepOf(dir, file, (text) => ({
            version: String(BigInt(version)),
            ...(file.endsWith('.go') ? { messages: [] } : gooseUp(text)),
          })),
        ),
  },
  'sql-migrate': {
    list: (dir) =>
      entriesOf(dir)
        .filter((file) => file.endsWith('.sql'))
        .sort((a, b) => Number(/^\d+/.exec(a)?.[0] ?? 0) - Number(/^\d+/.exec(b)?.[0] ?? 0))
        .map((file) => stepOf(dir, file, (text) => ({ version: file, ...sqlMigrateUp(text) }))),
  },
  'node-pg-migrate': {
    together: true,
    list: (dir) =>
      numbered(dir, /^([0-9]+)(.*)\.sql$/)
        .filter(({ file }) => !file.endsWith('.down.sql'))
        .sort((a, b) => Number(a.version) - Number(b.version) || a.file.localeCompare(b.file, 'en', { numeric: true }))
        .map(({ file }) => stepOf(dir, file, (text) => ({ messages: [nodePgMigrateUp(text)] }))),
  },
  tern: {
    resets: true,
    list: (dir) =>
      numbered(dir, /^([0-9]+)_(.+)\.sql$/)
        .sort(byNumber)
        .map(({ file, version }) =>
          stepOf(dir, file, (text) => ({ version: String(Number(version)), ...ternUp(text) })),
        ),
  },
  flyway: { resets: true, list: listFlyway },
  'graphile-migrate': {
    list: (dir, values) =>
      entriesOf(join(dir, 'committed'))
        .filter((file) => /^[0-9]+(-[-_a-zA-Z0-9]*)?\.sql$/.test(file))
        .sort((a, b) => Number.parseInt(a) - Number.parseInt(b))
        .map((file) => stepOf(dir, `committed/${file}`, (text) => graphileUp(text, values))),
  },
  atlas: {
    list: (dir) =>
      entriesOf(dir)
        .filter((file) => file.endsWith('.sql'))
        .map((file) =>
          stepOf(dir, file, (text) => {
            const wrapped = !/^-- atlas:txmode none\s*$/m.test(text)
            return { version: file.split(/[_.]/)[0]!, wrapped, messages: wrapped ? [text] : statementsOf(text) }
          }),
        ),
  },
}

interface Numbered {
  readonly file: string
  readonly version: string
  readonly rest: string
}

function numbered(dir: string, pattern: RegExp): Numbered[] {
  return entriesOf(dir).flatMap((file) => {
    const [, version, rest] = pattern.exec(file) ?? []
    return version === undefined ? [] : { file, version, rest: rest! }
  })
}

function byNumber(a: Numbered, b: Numbered): number {
  const [left, right] = [BigInt(a.version), BigInt(b.version)]
  return left < right ? -1 : left > right ? 1 : 0
}

function foldersOf(dir: string): readonly string[] {
  return entriesOf(dir).filter((name) => entriesOf(join(dir, name)).includes('migration.sql'))
}

function inFolder(dir: string, name: string, more: (text: string) => Partial<Step>): Step {
  return stepOf(dir, `${name}/migration.sql`, (text) => ({ name, version: utcOf(name), ...more(text) }))
}

/** drizzle 1.0 writes the time of the folder's name. */
function utcOf(name: string): string {
  const [, year, month, day, hours, minutes, seconds] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(name) ?? []
  return String(Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hours), Number(minutes), Number(seconds)))
}

function broken(text: string): Partial<Step> {
  return { messages: text.split('--> statement-breakpoint') }
}

function journalOf(dir: string): readonly Step[] | null {
  if (!entriesOf(join(dir, 'meta')).includes('_journal.json')) return null
  const { entries } = JSON.parse(readFileSync(join(dir, 'meta/_journal.json'), 'utf8')) as {
    entries: readonly { readonly tag: string; readonly when: number }[]
  }
  return entries.map(({ tag, when }) =>
    stepOf(dir, `${tag}.sql`, (text) => ({ version: String(when), ...broken(text) })),
  )
}

function statementsOf(text: string): readonly string[] {
  return findSegments(text).statements.map(({ start, end }) => text.slice(start, end))
}

/** The digest that histories keep of a file. */
export function digest(algorithm: 'sha256' | 'sha384', { bytes }: Step): string {
  return createHash(algorithm).update(bytes).digest('hex')
}
