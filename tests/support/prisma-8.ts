// Packages as prisma 8 writes them, with its hash by the formula of its source.
import { createHash } from 'node:crypto'
import type { Files } from './database.ts'

interface Step {
  readonly description?: string
  readonly sql: string
  readonly params?: readonly unknown[]
}

/** An operation; what is left out prisma has as an empty list. */
export interface Operation {
  readonly id: string
  readonly operationClass?: string
  readonly invariantId?: string
  readonly precheck?: readonly Step[]
  readonly execute?: readonly Step[]
  readonly postcheck?: readonly Step[]
}

/** The hash of a contract, as good as any. */
export function contract(name: string): string {
  return sha256(name)
}

/** The files of one step between two contracts, by their names; null is an empty database. */
export function step(folder: string, from: string | null, to: string, operations: readonly Operation[] = []): Files {
  const ops = operations.map((one) => ({
    label: one.id,
    operationClass: 'additive',
    target: { id: 'postgres' },
    precheck: [],
    execute: [],
    postcheck: [],
    ...one,
  }))
  const metadata = {
    from: from === null ? null : contract(from),
    to: contract(to),
    providedInvariants: operations.flatMap(({ invariantId }) => invariantId ?? []).sort(),
    createdAt: '2026-01-01T10:15:00.000Z',
  }
  const migrationHash = hashOf(metadata, ops)
  return {
    [`${folder}/migration.json`]: `${JSON.stringify({ ...metadata, migrationHash }, null, 2)}\n`,
    [`${folder}/ops.json`]: `${JSON.stringify(ops, null, 2)}\n`,
  }
}

/** What migration.json says of itself. */
export function hashIn(files: Files, folder: string): string {
  return (JSON.parse(files[`${folder}/migration.json`] as string) as { migrationHash: string }).migrationHash
}

/** Creates a table, as prisma does it. */
export function createTable(name: string, columns: string): Operation {
  const regclass = [`"public"."${name}"`]
  return {
    id: `table.${name}`,
    precheck: [
      {
        description: `ensure table "${name}" does not exist`,
        sql: 'SELECT (to_regclass($1)) IS NULL',
        params: regclass,
      },
    ],
    execute: [
      { description: `create table "${name}"`, sql: `CREATE TABLE "public"."${name}" (${columns})`, params: [] },
    ],
    postcheck: [
      { description: `verify table "${name}" exists`, sql: 'SELECT (to_regclass($1)) IS NOT NULL', params: regclass },
    ],
  }
}

/** The tables of `prisma_contract` that a run reads. */
export const createHistory = `create schema if not exists prisma_contract;
  create table prisma_contract.marker (space text not null primary key default 'app', core_hash text not null,
    profile_hash text not null, contract_json jsonb, canonical_version int, updated_at timestamptz not null default now(),
    app_tag text, meta jsonb not null default '{}', invariants text[] not null default '{}');
  create table prisma_contract.ledger (id bigserial primary key, created_at timestamptz not null default now(),
    space text not null, migration_name text not null, migration_hash text not null, origin_core_hash text,
    origin_profile_hash text, destination_core_hash text not null, destination_profile_hash text, operations jsonb not null)`

function hashOf(metadata: object, ops: readonly object[]): string {
  return sha256(JSON.stringify([sha256(canonical(metadata)), sha256(canonical(ops))]))
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
