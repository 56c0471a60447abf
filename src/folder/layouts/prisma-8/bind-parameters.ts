import { nextToken } from '../../../sql/lex/lex.ts'
import { makeToken, parameter } from '../../../sql/lex/token.ts'
import { wholeWindow } from '../../../sql/lex/window.ts'
import type { Step } from './package.ts'

/**
 * The statement with its values in the place of `$1`, `$2` ..., each a quoted text without a type: Postgres finds the
 * type of such a text as it finds that of a parameter whose type the driver leaves open, which prisma's does.
 */
export function bindParameters({ sql, params = [] }: Pick<Step, 'sql' | 'params'>): string {
  if (params.length === 0) return sql
  const window = wholeWindow(Buffer.from(sql))
  const token = makeToken()
  let bound = ''
  for (let at = 0; at < window.length; at = token.end) {
    nextToken(window, at, token)
    const text = window.bytes.toString('utf8', at, token.end)
    const index = token.kind === parameter ? Number(text.slice(1)) - 1 : -1
    bound += index >= 0 && index < params.length ? quoted(params[index]) : text
  }
  return bound
}

function quoted(value: unknown): string {
  return value === null || value === undefined ? 'null' : quoteText(toText(value))
}

/** What the driver makes of a value out of JSON. */
function toText(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(element).join(',')}}`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function element(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (Array.isArray(value)) return `{${value.map(element).join(',')}}`
  return `"${toText(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** Between blanks, so that no letter before it and no string behind it becomes a part of it. */
function quoteText(text: string): string {
  const isPlain = !text.includes('\\')
  return ` ${isPlain ? '' : 'E'}'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}' `
}
