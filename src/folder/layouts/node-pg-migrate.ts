import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'

const upMarker = marker('up')
const downMarker = marker('down')

/** `<digits>_<name>.sql`, both directions in one file between markers or in `.up.sql` and `.down.sql`. */
export const nodePgMigrate: Layout = {
  format: 'node-pg-migrate',
  detect: (folder) => folder.someSql(upMarker),
  list,
}

/** The line that begins a part: `-- Up Migration`, with as many dashes and blanks as one likes. */
function marker(direction: 'up' | 'down'): RegExp {
  return new RegExp(`^\\s*--[\\s-]*${direction}\\s+migration`, 'im')
}

/** The files of one migration. */
interface Group {
  single?: string
  /** Code that calls the tool's library. */
  code?: string
  up?: string
  down?: string
}

function list(folder: Folder, shown: string): Listing {
  const files = folder.entries.filter((name) => !name.endsWith('/'))
  const groups = new Map<string, Group>()
  const problems: Problem[] = []
  for (const file of files.filter((name) => /\.sql$/i.test(name))) {
    const name = file.slice(0, -'.sql'.length)
    if (!/^\d/.test(file)) {
      problems.push({
        what: `${join(shown, file)} does not begin with a number`,
        next: 'node-pg-migrate refuses it too.',
      })
      continue
    }
    const direction = /\.(up|down)$/.exec(name)?.[1] as 'up' | 'down' | undefined
    const id = direction ? name.slice(0, -direction.length - 1) : name
    const group = groups.get(id) ?? {}
    group[direction ?? 'single'] = file
    groups.set(id, group)
  }
  for (const file of files.filter(isCode)) {
    const id = file.replace(/\.[cm]?[jt]s$/i, '')
    groups.set(id, { ...groups.get(id), code: file })
  }
  for (const [id, group] of groups) {
    const { single, code, up, down } = group
    const paths = [single, code, up, down].flatMap((file) => (file === undefined ? [] : join(shown, file)))
    const next = 'node-pg-migrate refuses that too: rename or remove one of them.'
    if ((single ?? code) !== undefined && paths.length > 1)
      problems.push({ what: `several files are the migration ${id}: ${paths.join(' and ')}`, next })
    else if ((single ?? code ?? up) === undefined)
      problems.push({ what: `${paths[0]} has no up: ${id}.up.sql does not exist`, next })
  }
  const migrations = [...groups]
    .filter(([, { single, code, up }]) => (single ?? code ?? up) !== undefined)
    .sort(([a], [b]) => compare(`${a}.sql`, `${b}.sql`))
    .map(([id, { single, code, up, down }]): SourceMigration => ({
      name: id.normalize('NFC'),
      file: single ?? code ?? up!,
      kind: 'sql',
      downFile: (single ?? code) === undefined ? (down ?? null) : null,
      ...(single === undefined ? {} : { parts }),
      ...(code === undefined ? {} : { cannotRun: refuseCode(join(shown, code)) }),
      origin: () => ({ key: id, hashes: [] }),
    }))
  return { migrations, problems }
}

function isCode(file: string): boolean {
  return /^\d.*\.[cm]?[jt]s$/i.test(file) && !/\.d\.[cm]?ts$/i.test(file)
}

function refuseCode(file: string) {
  return {
    what: `${file} is code that only node-pg-migrate can run`,
    next: 'Write it in SQL under the same name (node-pg-migrate up --dry-run prints it), or let node-pg-migrate run it first.',
  }
}

/** The order of the tool: by the number in front, 17 digits being a time in UTC, then by the whole name. */
function compare(a: string, b: string): number {
  const locale = { usage: 'sort', numeric: true, sensitivity: 'variant', ignorePunctuation: true } as const
  return numberOf(a) - numberOf(b) || a.localeCompare(b, 'en', locale)
}

function numberOf(name: string): number {
  const [digits] = /^\d+/.exec(name)!
  const utc = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(digits)
  if (!utc) return Number(digits)
  const [, year, month, day, hours, minutes, seconds, millis] = utc
  return Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}.${millis}Z`)
}

/**
 * From marker to marker, in whichever order they stand. Without one for the up all of the file is the up, its down part
 * too: that is what the tool runs.
 */
function parts(text: string): Parts {
  const [up, down] = [text.search(upMarker), text.search(downMarker)]
  return {
    up: up === -1 ? text : slice(text, up, down),
    down: down === -1 ? null : slice(text, down, up),
    outside: false,
    problems: [],
  }
}

/** From here to there, or to the end when that stands before, at the lines that they have in the file. */
function slice(text: string, start: number, end: number): string {
  return text.slice(0, start).replace(/[^\n]/g, '') + text.slice(start, end < start ? undefined : end)
}
