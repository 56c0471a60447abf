import type { Node } from './parser.ts'

/** More than this gains nothing from sharing a message. */
export const largestJoined = 64 << 10

/** Kinds of statements that leave nothing behind in the session, whatever else they do. */
const harmless = new Set([
  'AlterDomainStmt',
  'AlterEnumStmt',
  'AlterFunctionStmt',
  'AlterObjectSchemaStmt',
  'AlterOwnerStmt',
  'AlterPolicyStmt',
  'AlterSeqStmt',
  'AlterTableStmt',
  'AlterTypeStmt',
  'CommentStmt',
  'CompositeTypeStmt',
  'CreateDomainStmt',
  'CreateEnumStmt',
  'CreateFunctionStmt',
  'CreatePolicyStmt',
  'CreateRangeStmt',
  'CreateSchemaStmt',
  'CreateSeqStmt',
  'CreateStatsStmt',
  'CreateStmt',
  'CreateTableAsStmt',
  'CreateTrigStmt',
  'DeleteStmt',
  'DropStmt',
  'GrantRoleStmt',
  'GrantStmt',
  'IndexStmt',
  'InsertStmt',
  'RenameStmt',
  'RuleStmt',
  'TruncateStmt',
  'UpdateStmt',
  'ViewStmt',
])

/** Functions that everybody calls and that change nothing but what they are for. */
const harmlessFunctions = new Set(
  `now clock_timestamp statement_timestamp transaction_timestamp gen_random_uuid uuid_generate_v4 uuidv4 uuidv7 random
   nextval setval lower upper trim btrim ltrim rtrim length char_length coalesce nullif greatest least concat
   concat_ws format replace regexp_replace substring substr left right split_part md5 sha256 encode decode to_char to_date
   to_timestamp to_tsvector to_tsquery date_trunc date_part extract age make_date make_interval count sum min max avg
   array_agg string_agg jsonb_agg json_agg jsonb_build_object json_build_object jsonb_build_array to_jsonb to_json
   jsonb_set row_number rank dense_rank generate_series unnest array_length cardinality array_append array_remove
   string_to_array array_to_string abs ceil ceiling floor round position strpos setweight timezone overlay repeat
   exists digest crypt gen_salt num_nonnulls num_nulls jsonb_typeof jsonb_array_length jsonb_array_elements
   jsonb_array_elements_text jsonb_object_keys lpad rpad initcap`.split(/\s+/),
)

/** Those of extensions, which may be in any schema. */
const ofExtensions = new Set(['uuid_generate_v4', 'gen_random_uuid', 'digest', 'crypt', 'gen_salt'])

/**
 * Whether a statement cannot change what the session is set to, so that it may share a message with other migrations.
 * It is a list of what is known to be harmless: a missing entry costs one message, a wrong one could cost a schema.
 */
export function isJoinable(kind: string, node: Node): boolean {
  if (!harmless.has(kind)) return false
  const json = JSON.stringify(node)
  if (/"relpersistence":"t"|"schemaname":"pg_temp/.test(json)) return false
  // A default or a check only calls it later, but a table that is rewritten calls it now.
  for (const [, schema = 'pg_catalog', name] of json.matchAll(
    /"FuncCall":\{"funcname":\[(?:\{"String":\{"sval":"([^"]*)"\}\},)*\{"String":\{"sval":"([^"]*)"\}\}\]/g,
  )) {
    if (!harmlessFunctions.has(name!)) return false
    if (schema !== 'pg_catalog' && !ofExtensions.has(name!)) return false
  }
  return true
}
