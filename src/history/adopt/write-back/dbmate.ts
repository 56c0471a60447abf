import type { WriteBack } from './write-back.ts'

export const dbmate: WriteBack = {
  format: 'dbmate',
  table: 'schema_migrations',
  create: ({ table }) => `create table ${table} (version varchar primary key)`,
  row: ({ table, origin: { key }, literal }) => [
    `insert into ${table} (version) values (${literal(key)}) on conflict do nothing returning 1`,
  ],
  remove: ({ table, origin: { key }, literal }) => [`delete from ${table} where version = ${literal(key)} returning 1`],
}
