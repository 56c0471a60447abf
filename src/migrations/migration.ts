/** What the history keeps a row of. */
export type Kind = 'migration' | 'seed'

/** One statement of a SQL file: offsets in UTF-16 units of the normalised text, the line from 1. */
export interface Statement {
  readonly start: number
  readonly end: number
  readonly line: number
  /** The node type of the parse tree: `CreateStmt`, `InsertStmt` ... */
  readonly kind: string
}

/** A migration, known by its whole file name without the extension. */
export interface Migration {
  readonly name: string
  /** The file as the operator knows it, for messages. */
  readonly file: string
  /** `v1:sha256:` and 64 hexadecimal digits. */
  readonly checksum: string
  /** False for a file whose statements run one by one, outside of a transaction. */
  readonly transaction: boolean
  readonly statements: readonly Statement[]
  /** Tables, views, sequences and the like that it creates, as written: `app.users` or `users`. */
  readonly creates: readonly string[]
  /** The SQL that takes it back, null when there is none. */
  readonly down: string | null
  /** The SQL to run, normalised; throws INVALID when the file is not the one that was compiled. */
  readonly readSql: () => string
}

/** A seed, known by its path below the seeds folder, with its extension. */
export interface Seed {
  readonly name: string
  readonly file: string
  readonly checksum: string
  readonly statements: readonly Statement[]
  readonly readSql: () => string
}

/** A folder of migrations, compiled; `digest` and `count` are known without reading the rest. */
export interface Bundle {
  readonly dir: string
  readonly digest: string
  readonly count: number
  /** In the order in which they run. */
  readonly list: () => Promise<readonly Migration[]>
}

/** The seeds of one environment: those of the folder itself, then those of the environment's own folder. */
export interface SeedBundle {
  readonly environment: string
  readonly digest: string
  readonly list: () => Promise<readonly Seed[]>
}
