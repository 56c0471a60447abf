import type { Folder } from '../layouts/layout.ts'

/** Near the beginning of a file, words of some tool's mark. */
const word = /migrat|goose|---- (create above|tern:)/i

/** Files beside a folder, or in it, by which tools are told. */
const beside = ['../sqlx.toml', '../.sqlx', '../Cargo.toml', '../config.toml']
const inside: ReadonlySet<string> = new Set(['atlas.sum', 'tern.conf'])

/**
 * Whether a look tells that no tool's layout can find its mark in the folder, so that it is one of ours; false where that
 * takes more than a look. Nearly every start with a folder of ours is spared thirteen layouts by it.
 */
export function bearsNoMark({ entries, dir, has, someSql }: Folder): boolean {
  return (
    entries.some((name) => /^\d[^.]*\.sql$/.test(name)) &&
    !entries.some((name) => name.endsWith('/') || inside.has(name) || /^\d+(-[^.]*)?\.sql$/.test(name)) &&
    !/supabase[\\/]migrations[\\/]*$/.test(dir) &&
    !beside.some(has) &&
    !someSql(word)
  )
}
