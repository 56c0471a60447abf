import type { Problem } from './errors.ts'

/** Whose folders and histories are known: ours, then those of other tools by the names that they call themselves. */
export const formats = [
  'plain',
  'atlas',
  'dbmate',
  'drizzle',
  'flyway',
  'golang-migrate',
  'goose',
  'graphile-migrate',
  'knex',
  'node-pg-migrate',
  'prisma',
  'prisma-8',
  'sql-migrate',
  'sqlx',
  'supabase',
  'tern',
  'typeorm',
  'umzug',
] as const
export type Format = (typeof formats)[number]

/** What another tool's history says of a migration when that tool has applied it. */
export interface Origin {
  /** How its history calls the migration: a name, a version without leading zeros, a time in milliseconds. */
  readonly key: string
  /** What its history may keep of the content, with LF and with CRLF; empty for a tool that keeps nothing. */
  readonly hashes: readonly string[]
}

/** What the history keeps a row of; a repeatable migration runs again whenever its content has changed. */
export type Kind = 'migration' | 'repeatable' | 'seed'

/** One statement of a SQL file: offsets in UTF-16 units of the normalised text, the line from 1. */
export interface Statement {
  readonly start: number
  readonly end: number
  readonly line: number
  /** The node type of the parse tree: `CreateStmt`, `InsertStmt` ... */
  readonly kind: string
  /** Whether Postgres refuses it inside a transaction. */
  readonly alone: boolean
  /** What `create index concurrently` makes, to be looked for in the catalog. */
  readonly index?: StatedIndex
  /** What another statement outside a transaction works on, to be looked at when it has stopped half way. */
  readonly target?: StatedTarget
  /** Set for BEGIN ... COMMIT in a file outside a transaction, which is one unit. */
  readonly block?: Block
}

/** What a statement may leave half done; null stands for the search_path's schema, or for the database itself. */
export interface StatedTarget {
  readonly action: 'drop index' | 'detach' | 'reindex' | 'drop database'
  readonly object: 'INDEX' | 'TABLE' | 'SCHEMA' | 'DATABASE'
  readonly schema: string | null
  readonly name: string | null
  /** The partition that is detached. */
  readonly partition?: { readonly schema: string | null; readonly name: string }
}

/** A transaction that a file has written out itself; offsets in UTF-16 units of the whole text. */
export interface Block {
  /** Behind BEGIN and whatever has to come before its first query. */
  readonly open: number
  /** Where its COMMIT begins. */
  readonly close: number
  /** What stands between them, those before `open` first. */
  readonly statements: readonly Pick<Statement, 'start' | 'end' | 'line' | 'kind'>[]
}

/** An index as its statement says it; null stands for no name, for the search_path's schema, for an expression. */
export interface StatedIndex {
  readonly name: string | null
  readonly schema: string | null
  readonly table: string
  readonly unique: boolean
  readonly method: string
  readonly columns: readonly (string | null)[]
  readonly partial: boolean
  /**
   * Whether that is all: no predicate, operator class, collation, order, INCLUDE or option; undefined when an earlier
   * compiler has not looked.
   */
  readonly plain?: boolean
}

/** The isolation levels that a file can ask for in place of the server's default. */
export const isolations = ['read uncommitted', 'repeatable read', 'serializable'] as const
export type Isolation = (typeof isolations)[number]

/** The limits that a file sets for itself, in its comments, instead of those of the settings. */
export interface Limits {
  readonly lockTimeoutMs?: number
  readonly statementTimeoutMs?: number
  /** How long it is tried again when others' locks stop it. */
  readonly lockRetryMs?: number
}

/** SQL to run, as one transaction or, for a file that is marked so, statement by statement. */
export interface SqlScript {
  readonly kind: 'sql'
  readonly transaction: boolean
  readonly isolation?: Isolation | undefined
  readonly limits?: Limits | undefined
  /**
   * Whether it may share a message with other migrations: none of its statements can change what the session is set to,
   * make a name that Postgres would cut, or wait for data.
   */
  readonly joinable: boolean
  /** Of the normalised text, in bytes. */
  readonly size: number
  /** Every statement; of a file over 1 MiB none, its chunks are all that is kept. */
  readonly statements: readonly Statement[]
  /** What sets the session, in a file outside a transaction; undefined when an earlier compiler has not looked for it. */
  readonly session?: readonly (readonly [start: number, end: number])[]
  /** The normalised text; throws INVALID when the file is not the one that was compiled. */
  readonly read: () => string
  /** The same in order, chunk by chunk, so that a large file is never whole in memory; throws INVALID likewise. */
  readonly chunks: () => Iterable<Chunk>
}

/** Whole statements of a SQL file that are sent as one message: about 64 KiB, or one statement that is larger. */
export interface Chunk {
  readonly sql: string
  /** The line in the file at which it begins, from 1. */
  readonly line: number
  /** How many statements it has; a COPY ... FROM stdin is the last of its chunk. */
  readonly statements: number
  /** Where in `sql` a statement of it begins (from 0), for a file whose statements are not kept. */
  readonly offsetOf?: (statement: number) => number | undefined
  /** The data of that COPY, without the line `\\.` that ends it. */
  readonly data?: Iterable<Buffer>
}

/** A module with `up(client, { signal, log })`, perhaps `down`, perhaps `transaction = false`. */
export interface ModuleScript {
  readonly kind: 'module'
  /** Absolute. */
  readonly path: string
  /** To be called before it is loaded; throws INVALID when its code is not what was compiled. */
  readonly verify?: () => void
}

/** Rows for one table, the first line naming its columns. */
export interface CsvScript {
  readonly kind: 'csv'
  /** Absolute. */
  readonly path: string
  /** null when the search_path decides. */
  readonly schema: string | null
  readonly table: string
  /** To be called before it is read; throws INVALID when it is not what was compiled. */
  readonly verify?: () => void
}

/** What identifies a file: all that a plan needs, known without a parser. */
export interface Identity {
  /** A migration's file name without its extension, or a seed's path below the seeds folder with it. */
  readonly name: string
  /** The file as the operator knows it, for messages. */
  readonly file: string
  /** `v1:sha256:` and 64 hexadecimal digits. */
  readonly checksum: string
  /** Set for what takes away what the version before still uses: `up` leaves it until nothing older is left. */
  readonly contract?: true
  /** Set for what another tool's folder has and nothing here can run: it can be known as applied, and not be opened. */
  readonly cannotRun?: Omit<Problem, 'name'>
}

/** What has to be true once a migration has run: no error, and no boolean answered that is false or null. */
export interface Assertion {
  /** As the operator knows it, for messages. */
  readonly file: string
  readonly script: SqlScript
}

/** A migration that is ready to run. */
export interface Migration extends Identity {
  readonly script: SqlScript | ModuleScript
  /** Tables, views, sequences and the like that it creates, as written: `app.users` or `users`. */
  readonly creates: readonly string[]
  /** The SQL that takes it back, null when there is none; a module has its own. */
  readonly down: string | null
  /** Absent for most. */
  readonly assertion?: Assertion
  /** The rules of docs/checks.md whose findings are allowed when it runs. */
  readonly allow?: readonly string[]
}

/** A seed that is ready to run. */
export interface Seed extends Identity {
  readonly script: SqlScript | ModuleScript | CsvScript
  /** As of a migration. */
  readonly allow?: readonly string[]
}

/** The down of a migration in its folder: SQL, or a module that may have a `down`; null for what is not there. */
export interface OpenedDown {
  readonly sql: string | null
  readonly module: ModuleScript | null
  /** As of a migration. */
  readonly allow: readonly string[]
}

/** A folder of migrations, compiled or not; what is not is parsed and checked when it is opened, and never before. */
export interface Bundle {
  /** As messages call it. */
  readonly dir: string
  readonly digest: string
  readonly count: number
  /** Whose folder it is, or was before it was compiled. */
  readonly format: Format
  /** Set where the format alone does not say whether its tool applies what is pending although a later one was applied. */
  readonly appliesLate?: boolean | undefined
  /** In the order in which they run; without the repeatable ones. */
  readonly list: () => Promise<readonly Identity[]>
  /** Those that run again whenever they have changed, after all others and in this order. */
  readonly listRepeatable: () => Promise<readonly Identity[]>
  /** What another tool's history would say of each, by name. */
  readonly origins: () => Promise<ReadonlyMap<string, Origin>>
  /** These, ready to run and under the names as given; throws one INVALID with every problem of all of them. */
  readonly open: (which: readonly Identity[]) => Promise<readonly Migration[]>
  /** Opens the down alone; throws INVALID when that is wrong, and does not check the migration itself. */
  readonly openDown: (of: Identity) => Promise<OpenedDown>
}

/** The seeds of one environment: those of the folder itself, then those of the environment's own folder. */
export interface SeedBundle {
  readonly environment: string
  readonly digest: string
  readonly list: () => Promise<readonly Identity[]>
  readonly open: (which: readonly Identity[]) => Promise<readonly Seed[]>
}
