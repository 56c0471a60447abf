import { type ParsedStatement, parse, parsePlpgsql } from '../sql/parser.ts'

/** The statements of a DO in PL/pgSQL, whether or not they are reached, with those that it executes as constants. */
export function statementsOfDo({ start, end }: ParsedStatement, text: string): readonly ParsedStatement[] {
  const parsed = parsePlpgsql(text.slice(start, end))
  if (parsed === null || 'error' in parsed) return []
  return queriesIn(parsed.tree).flatMap((query) => {
    const found = parse(query)
    return found === 'unknown' || 'error' in found ? [] : found.statements
  })
}

function queriesIn(tree: unknown): readonly string[] {
  if (Array.isArray(tree)) return tree.flatMap(queriesIn)
  if (typeof tree !== 'object' || tree === null) return []
  return Object.entries(tree).flatMap(([name, value]) => {
    if (name === 'PLpgSQL_stmt_execsql') return queryOf((value as { sqlstmt?: unknown }).sqlstmt)
    if (name === 'PLpgSQL_stmt_dynexecute') return queryOf((value as { query?: unknown }).query).flatMap(constantIn)
    return queriesIn(value)
  })
}

function queryOf(node: unknown): readonly string[] {
  const { PLpgSQL_expr: expression } = (node ?? {}) as { readonly PLpgSQL_expr?: { readonly query?: string } }
  return expression?.query === undefined ? [] : [expression.query]
}

/** What stands between plain quotes, when that is all. */
function constantIn(expression: string): readonly string[] {
  const [, inside] = /^\s*'((?:[^']|'')*)'\s*$/.exec(expression) ?? []
  return inside === undefined ? [] : [inside.replaceAll("''", "'")]
}
