import type { Folder } from '../../folder/layouts/layout.ts'
import type { Format } from '../../migration.ts'

/** What in a folder tells whose it is, as a person would point at it; null when it is not there. */
type Mark = (folder: Folder) => string | null

/** A mark of each layout that has one; the layouts themselves decide by the same. */
const marks: Partial<Record<Format, Mark>> = {
  atlas: theFile('atlas.sum'),
  dbmate: aLine(/^--[ \t]*migrate:up([ \t\r]|$)/m, '-- migrate:up'),
  drizzle: (folder) => theFile('meta/_journal.json')(folder) ?? aFileInside('snapshot.json')(folder),
  flyway: aName(/^(V\d.*|R)__.*\.sql$/i),
  'golang-migrate': aName(/^\d+_.*\.(up|down)\.sql$/),
  goose: aLine(/^[ \t]*--.*\+goose/m, '-- +goose'),
  'graphile-migrate': (folder) => {
    const committed = folder.entriesOf('committed/').some((name) => name.endsWith('.sql'))
    return committed ? 'committed/' : aLine(/^--! Previous:/m, '--! Previous:')(folder)
  },
  'node-pg-migrate': aLine(/^\s*--[\s-]*up\s+migration/im, '-- Up Migration'),
  prisma: (folder) => theFile('migration_lock.toml')(folder) ?? theFile('../schema.prisma')(folder),
  'prisma-8': ({ entries, entriesOf, has }) => {
    const below = entries.flatMap((space) => entriesOf(space).map((one) => `${space}${one}ops.json`))
    return below.find(has) ?? null
  },
  'sql-migrate': aLine(/^-- \+migrate (Up|Down)\b/m, '-- +migrate'),
  sqlx: (folder) =>
    theFile('../sqlx.toml')(folder) ??
    theFile('../.sqlx')(folder) ??
    (/\bsqlx\b/.test(folder.read('../Cargo.toml') ?? '') ? '../Cargo.toml names sqlx' : null),
  supabase: ({ dir, has }) =>
    /(^|[\\/])supabase[\\/]migrations[\\/]*$/.test(dir) ? 'its path ends in supabase/migrations'
    : has('../config.toml') ? '../config.toml'
    : null, // prettier-ignore
  tern: (folder) =>
    theFile('tern.conf')(folder) ??
    aLine(/---- (create above \/ drop below|tern: disable-tx) ----/, '---- create above / drop below ----')(folder),
}

/** What tells that the folder is of this tool; null for a folder of ours, and where somebody has to say it. */
export function markOf(format: Format, folder: Folder): string | null {
  return marks[format]?.(folder) ?? null
}

function theFile(path: string): Mark {
  return ({ has }) => (has(path) ? path : null)
}

function aFileInside(name: string): Mark {
  return ({ entries, has }) => {
    const found = entries.find((entry) => entry.endsWith('/') && has(entry + name))
    return found === undefined ? null : found + name
  }
}

function aLine(pattern: RegExp, shown: string): Mark {
  return ({ someSql }) => (someSql(pattern) ? `the line "${shown}" in its files` : null)
}

/** A folder below may have it as well. */
function aName(pattern: RegExp): Mark {
  return ({ entries, entriesOf }) => {
    const folders = ['', ...entries.filter((entry) => entry.endsWith('/'))]
    const found = folders.flatMap((below) => entriesOf(below).map((name) => ({ below, name })))
    const one = found.find(({ name }) => pattern.test(name))
    return one ? `the name of ${one.below}${one.name}` : null
  }
}
