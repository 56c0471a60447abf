import type { WriteBack } from './write-back.ts'

/** One row, the newest version; an older one that was applied late leaves it as it is. */
export const golangMigrate: WriteBack = {
  format: 'golang-migrate',
  table: 'schema_migrations',
  create: ({ table }) => `create table ${table} (version bigint not null primary key, dirty boolean not null)`,
  row: ({ table, origin: { key } }) => [
    `update ${table} set version = greatest(version, ${BigInt(key)}), dirty = false returning 1`,
    `insert into ${table} (version, dirty) select ${BigInt(key)}, false where not exists (select from ${table}) returning 1`,
  ],
  remove: ({ table, origin: { key }, previous }) =>
    previous === null
      ? [`delete from ${table} where version = ${BigInt(key)} returning 1`]
      : [`update ${table} set version = ${BigInt(previous)} where version = ${BigInt(key)} returning 1`],
}
