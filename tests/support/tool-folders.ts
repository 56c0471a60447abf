// A folder of each tool with two migrations, and the table that the tool itself would have after the first of them.
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Files } from './database.ts'
import { contract, createHistory, createTable, hashIn, step } from './prisma-8.ts'

export interface ToolFolder {
  readonly files: Files
  /** What the format has to be told with, where the folder bears no mark. */
  readonly format?: string
  /** What our history calls its migrations, in their order. */
  readonly names: readonly [string, string]
  /** The tool's table, with the row of the first migration. */
  readonly history: string
}

/** What the first migration of each is, as every tool runs it. */
export const users = 'create table users (id int primary key);\n'
const orders = 'create table orders (id int primary key);\n'
const sha = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex')
const journal = JSON.stringify({
  version: '7',
  dialect: 'postgresql',
  entries: ['0000_users', '0001_orders'].map((tag, idx) => ({ idx, when: 1_700_000_000_000 + idx, tag })),
})
const [h1, h2] = [users, orders].map((body, i) => {
  const previous = i === 0 ? '' : h1Of(users)
  return `sha1:${sha('sha1', `${`${previous}\n${body.trim()}`.trim()}\n`)}`
}) as [string, string]
function h1Of(body: string): string {
  return `sha1:${sha('sha1', `${`\n${body.trim()}`.trim()}\n`)}`
}

/** atlas.sum, by the formula of its source. */
function atlasSum(files: readonly (readonly [name: string, text: string])[]): string {
  const running = createHash('sha256')
  const lines = files.map(([name, text]) => {
    running.update(name).update(text)
    return [name, running.copy().digest('base64')] as const
  })
  const whole = createHash('sha256')
  for (const [name, hash] of lines) whole.update(name).update(hash)
  return `h1:${whole.digest('base64')}\n${lines.map(([name, hash]) => `${name} h1:${hash}\n`).join('')}`
}
const atlasFiles = [
  ['1_users.sql', users],
  ['2_orders.sql', orders],
] as const

const prisma8 = {
  ...step('app/20260101T1015_users', null, 'one', [createTable('users', 'id int primary key')]),
  ...step('app/20260102T1015_orders', 'one', 'two', [createTable('orders', 'id int primary key')]),
}

export const toolFolders: Readonly<Record<string, ToolFolder>> = {
  'drizzle with a journal': {
    files: { 'meta/_journal.json': journal, '0000_users.sql': users, '0001_orders.sql': orders },
    names: ['0000_users', '0001_orders'],
    history: `create schema drizzle; create table drizzle.__drizzle_migrations (id serial primary key, hash text not null,
      created_at bigint); insert into drizzle.__drizzle_migrations (hash, created_at)
      values ('${sha('sha256', users)}', 1700000000000)`,
  },
  'drizzle with folders': {
    files: {
      '20240101000000_users/migration.sql': users,
      '20240101000000_users/snapshot.json': '{}',
      '20240102000000_orders/migration.sql': orders,
    },
    names: ['20240101000000_users', '20240102000000_orders'],
    history: `create schema drizzle; create table drizzle.__drizzle_migrations (id serial primary key, hash text not null,
      created_at bigint, name text, applied_at timestamptz default now());
      insert into drizzle.__drizzle_migrations (hash, created_at, name)
      values ('${sha('sha256', users)}', ${Date.UTC(2024, 0, 1)}, '20240101000000_users')`,
  },
  prisma: {
    files: {
      'migration_lock.toml': 'provider = "postgresql"\n',
      '20240101000000_users/migration.sql': users,
      '20240102000000_orders/migration.sql': orders,
    },
    names: ['20240101000000_users', '20240102000000_orders'],
    history: `create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null,
      finished_at timestamptz, migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
      started_at timestamptz not null default now(), applied_steps_count integer not null default 0);
      insert into _prisma_migrations (id, checksum, finished_at, migration_name)
      values ('1', '${sha('sha256', users)}', now(), '20240101000000_users')`,
  },
  'prisma-8': {
    files: prisma8,
    names: ['app/20260101T1015_users', 'app/20260102T1015_orders'],
    history: `${createHistory};
      insert into prisma_contract.marker (core_hash, profile_hash) values ('${contract('one')}', '${contract('profile')}');
      insert into prisma_contract.ledger (space, migration_name, migration_hash, origin_core_hash, destination_core_hash,
        operations) values ('app', '20260101T1015_users', '${hashIn(prisma8, 'app/20260101T1015_users')}', 'empty',
        '${contract('one')}', '[]')`,
  },
  supabase: {
    files: { '20240101000000_users.sql': users, '20240102000000_orders.sql': orders },
    format: 'supabase',
    names: ['20240101000000_users', '20240102000000_orders'],
    history: `create schema supabase_migrations; create table supabase_migrations.schema_migrations (
      version text primary key, statements text[], name text);
      insert into supabase_migrations.schema_migrations (version, name) values ('20240101000000', 'users')`,
  },
  dbmate: {
    files: {
      '20240101000000_users.sql': `-- migrate:up\n${users}\n-- migrate:down\ndrop table users;\n`,
      '20240102000000_orders.sql': `-- migrate:up\n${orders}\n-- migrate:down\ndrop table orders;\n`,
    },
    names: ['20240101000000_users', '20240102000000_orders'],
    history: `create table schema_migrations (version varchar primary key);
      insert into schema_migrations values ('20240101000000')`,
  },
  'golang-migrate': {
    files: {
      '000001_users.up.sql': users,
      '000001_users.down.sql': 'drop table users;\n',
      '000002_orders.up.sql': `BEGIN;\n${orders}COMMIT;\n`,
      '000002_orders.down.sql': 'drop table orders;\n',
    },
    names: ['000001_users', '000002_orders'],
    history: `create table schema_migrations (version bigint not null primary key, dirty boolean not null);
      insert into schema_migrations values (1, false)`,
  },
  goose: {
    files: {
      '00001_users.sql': `-- +goose Up\n${users}\n-- +goose Down\ndrop table users;\n`,
      '00002_orders.sql': `-- +goose Up\n-- +goose StatementBegin\n${orders}-- +goose StatementEnd\n`,
    },
    names: ['00001_users', '00002_orders'],
    history: `create table goose_db_version (id integer primary key generated by default as identity,
      version_id bigint not null, is_applied boolean not null, tstamp timestamp not null default now());
      insert into goose_db_version (version_id, is_applied) values (0, true), (1, true)`,
  },
  'sql-migrate': {
    files: {
      '1_users.sql': `-- +migrate Up\n${users}\n-- +migrate Down\ndrop table users;\n`,
      '2_orders.sql': `-- +migrate Up\n${orders}`,
    },
    names: ['1_users', '2_orders'],
    history: `create table gorp_migrations (id text primary key, applied_at timestamptz);
      insert into gorp_migrations values ('1_users.sql', now())`,
  },
  'node-pg-migrate': {
    files: {
      '1700000000000_users.sql': `-- Up Migration\n${users}\n-- Down Migration\ndrop table users;\n`,
      '1700000000001_orders.sql': `-- Up Migration\n${orders}`,
    },
    names: ['1700000000000_users', '1700000000001_orders'],
    history: `create table pgmigrations (id serial primary key, name varchar(255) not null, run_on timestamp not null);
      insert into pgmigrations (name, run_on) values ('1700000000000_users', now())`,
  },
  flyway: {
    files: { 'V1__users.sql': users, 'V2.0__orders.sql': orders },
    names: ['V1__users', 'V2.0__orders'],
    history: `create table flyway_schema_history (installed_rank int primary key, version varchar(50),
      description varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int,
      installed_by varchar(100) not null, installed_on timestamp not null default now(), execution_time int not null,
      success boolean not null);
      insert into flyway_schema_history values (1, '1', 'users', 'SQL', 'V1__users.sql',
        ${crc32(users.replaceAll('\n', '')) | 0}, 'me', now(), 1, true)`,
  },
  'graphile-migrate': {
    files: {
      'committed/000001.sql': `--! Previous: -\n--! Hash: ${h1}\n\n${users}`,
      'committed/000002.sql': `--! Previous: ${h1}\n--! Hash: ${h2}\n\n${orders}`,
    },
    names: ['000001', '000002'],
    history: `create schema graphile_migrate; create table graphile_migrate.migrations (hash text primary key,
      previous_hash text references graphile_migrate.migrations, filename text not null,
      date timestamptz not null default now());
      insert into graphile_migrate.migrations (hash, filename) values ('${h1}', '000001.sql')`,
  },
  sqlx: {
    files: { '20240101000000_users.sql': users, '20240102000000_orders.sql': `-- no-transaction\n${orders}` },
    format: 'sqlx',
    names: ['20240101000000_users', '20240102000000_orders'],
    history: `create table _sqlx_migrations (version bigint primary key, description text not null,
      installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null,
      execution_time bigint not null);
      insert into _sqlx_migrations (version, description, success, checksum, execution_time)
      values (20240101000000, 'users', true, '\\x${sha('sha384', users)}', 1)`,
  },
  tern: {
    files: {
      '001_users.sql': `${users}\n---- create above / drop below ----\n\ndrop table users;\n`,
      '002_orders.sql': orders,
    },
    names: ['001_users', '002_orders'],
    history: 'create table schema_version (version int4 not null); insert into schema_version values (1)',
  },
  atlas: {
    files: { ...Object.fromEntries(atlasFiles), 'atlas.sum': atlasSum(atlasFiles) },
    names: ['1_users', '2_orders'],
    history: `create schema atlas_schema_revisions; create table atlas_schema_revisions.atlas_schema_revisions (
      version varchar primary key, description varchar not null, type bigint not null default 2,
      applied bigint not null default 0, total bigint not null default 0, executed_at timestamptz not null,
      execution_time bigint not null, error text, error_stmt text, hash varchar not null, partial_hashes jsonb,
      operator_version varchar not null);
      insert into atlas_schema_revisions.atlas_schema_revisions
      values ('1', 'users', 2, 1, 1, now(), 1, null, null, '${atlasSum(atlasFiles).split('\n')[1]!.split('h1:')[1]}', null, 'v1')`,
  },
  umzug: {
    files: { '2024-users.sql': users, '2025-orders.sql': orders },
    format: 'umzug',
    names: ['2024-users', '2025-orders'],
    history: `create table "SequelizeMeta" (name varchar(255) primary key); insert into "SequelizeMeta" values ('2024-users.js')`,
  },
  knex: {
    files: { '20240101000000_users.js': 'exports.up = (knex) => knex', '20240102000000_orders.sql': orders },
    format: 'knex',
    names: ['20240101000000_users', '20240102000000_orders'],
    history: `create table knex_migrations (id serial primary key, name varchar(255), batch integer,
      migration_time timestamptz); insert into knex_migrations (name, batch) values ('20240101000000_users.js', 1)`,
  },
  typeorm: {
    files: { '1700000000000_users.sql': users, '1700000000001-orders.sql': orders },
    format: 'typeorm',
    names: ['1700000000000_users', '1700000000001-orders'],
    history: `create table migrations (id serial primary key, "timestamp" bigint not null, name varchar not null);
      insert into migrations ("timestamp", name) values (1700000000000, 'Users1700000000000')`,
  },
}
