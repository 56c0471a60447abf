import type { WriteBack } from './write-back.ts'

/** A time up to 0.45, a name besides from 1.0 on, which drizzle reads out of the name itself when it has only the time. */
export const drizzle: WriteBack = {
  format: 'drizzle',
  schema: 'drizzle',
  name: '__drizzle_migrations',
  create: (table) => `create schema if not exists drizzle;
    create table ${table} (id serial primary key, hash text not null, created_at bigint)`,
  row: ({ table, origin: { key, hashes }, literal }) => [
    `insert into ${table} (hash, created_at) values (${literal(hashes[0]!)}, ${timeOf(key)}) returning 1`,
  ],
  remove: ({ table, origin: { key } }) => [`delete from ${table} where created_at = ${timeOf(key)} returning 1`],
}

/** The journal's own time, or what the fourteen digits of a folder's name say. */
function timeOf(key: string): number {
  if (/^\d+$/.test(key)) return Number(key)
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(key) ?? []
  const [year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
