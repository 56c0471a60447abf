import type { WriteBack, Written } from './write-back.ts'

/**
 * Up to 0.45 a time; from 1.0 on a name as well, which is then all that counts. An older table gets its names from
 * drizzle itself, which reads them out of the times.
 */
export const drizzle: WriteBack = {
  format: 'drizzle',
  schema: 'drizzle',
  table: '__drizzle_migrations',
  create: (first) => `create schema if not exists drizzle;
    create table ${first.table} (id serial primary key, hash text not null, created_at bigint${
      isFolder(first) ? ', name text, applied_at timestamptz default now()' : ''
    })`,
  row: (one) => {
    const { table, columns, origin, literal } = one
    const values = `${literal(origin.hashes[0]!)}, ${createdAt(one)}`
    return [
      isFolder(one) && columns.has('name')
        ? `insert into ${table} (hash, created_at, name) values (${values}, ${literal(origin.key)}) returning 1`
        : `insert into ${table} (hash, created_at) values (${values}) returning 1`,
    ]
  },
  // Two folders may bear the same second, and a row of before has milliseconds that no folder knows.
  remove: (one) => {
    const { table, columns, origin, literal } = one
    const isOfTime = `created_at = ${createdAt(one)} and hash in (${origin.hashes.map(literal).join(', ')})`
    const isTheirs = isFolder(one) && columns.has('name') ? `name = ${literal(origin.key)}` : isOfTime
    return [`delete from ${table} where ${isTheirs} returning 1`]
  },
}

/** Of 1.0 the key is the name of the folder; of a journal it is a time. */
function isFolder({ name, origin }: Pick<Written, 'name' | 'origin'>): boolean {
  return origin.key.normalize('NFC') === name.normalize('NFC')
}

/** The journal's own time, or what the fourteen digits of a folder's name say. */
function createdAt(one: Pick<Written, 'name' | 'origin'>): number {
  const { key } = one.origin
  if (!isFolder(one)) return Number(key)
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(key) ?? []
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
