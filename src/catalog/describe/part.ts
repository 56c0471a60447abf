import type { ObjectKind } from '../../schema/description.ts'

/**
 * One question to the catalog, for a server of a version as in server_version_num: a select whose columns are a Row. It
 * comes behind the WITH of counted.ts, under the settings of settings.ts, so that no name in it needs a schema.
 */
export interface Part {
  /** What nobody hears of when the role may not ask this: `policies`. */
  readonly about: string
  /** What its rows may be. */
  readonly kinds: readonly ObjectKind[]
  sql(version: number): string
}

/** kind, name, schema, is, of, sameMajor. */
export type Row = readonly [ObjectKind, string, string | null, string, string | null, boolean]
