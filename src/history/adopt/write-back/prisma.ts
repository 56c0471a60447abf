import type { WriteBack } from './write-back.ts'

export const prisma: WriteBack = {
  format: 'prisma',
  table: '_prisma_migrations',
  create: ({ table }) => `create table ${table} (id varchar(36) primary key not null, checksum varchar(64) not null,
    finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
    started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`,
  row: ({ table, origin: { key, hashes }, literal }) => [
    `insert into ${table} (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
     values (pg_catalog.gen_random_uuid()::text, ${literal(hashes[0]!)}, pg_catalog.clock_timestamp(), ${literal(key)},
       pg_catalog.now(), 1) returning 1`,
  ],
  remove: ({ table, origin: { key }, literal }) => [
    `delete from ${table} where migration_name = ${literal(key)} returning 1`,
  ],
}
