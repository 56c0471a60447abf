import type { WriteBack } from './write-back.ts'

/** The time that it took is -1, as of a row that sqlx itself has not come back to. */
export const sqlx: WriteBack = {
  format: 'sqlx',
  table: '_sqlx_migrations',
  create: ({ table }) => `create table ${table} (version bigint primary key, description text not null,
    installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null,
    execution_time bigint not null)`,
  row: ({ table, name, origin: { key, hashes }, literal }) => [
    `insert into ${table} (version, description, success, checksum, execution_time)
     values (${BigInt(key)}, ${literal(name.replace(/^[+-]?\d+_/, '').replaceAll('_', ' '))}, true,
       pg_catalog.decode(${literal(hashes[0]!)}, 'hex'), -1) returning 1`,
  ],
  remove: ({ table, origin: { key } }) => [`delete from ${table} where version = ${BigInt(key)} returning 1`],
}
