import { nextToken } from '../../sql/lex/lex.ts'
import { comment, makeToken, space, word } from '../../sql/lex/token.ts'
import { wholeWindow } from '../../sql/lex/window.ts'

/** What a DROP names without a schema. */
export interface Dropped {
  readonly name: string
  /** In which catalog it is. */
  readonly kind: 'relation' | 'type' | 'routine'
  /** Whether it loses something, and is not dropped itself. */
  readonly isOwner: boolean
}

const kinds = new Map<string, Dropped['kind']>([
  ...['table', 'view', 'sequence', 'index', 'trigger', 'policy', 'rule'].map((one) => [one, 'relation'] as const),
  ...['type', 'domain'].map((one) => [one, 'type'] as const),
  ...['function', 'procedure', 'routine', 'aggregate'].map((one) => [one, 'routine'] as const),
])
const ofOwner = /^(?:trigger|policy|rule)$/

/** Read from the text, because a run has no parser; what is written in some other way is left out. */
export function droppedBy(sql: string): Dropped[] {
  const words = wordsOf(sql)
  const at = /^(?:materialized|foreign)$/.test(words[1] ?? '') ? 2 : 1
  const kind = kinds.get(words[at] ?? '')
  if (kind === undefined) return []
  const isOwner = ofOwner.test(words[at]!)
  const from = isOwner ? words.indexOf('on') : at
  return itemsOf(words.slice(from + 1)).flatMap((item) => {
    const name = item.length === 1 ? nameOf(item[0]!) : undefined
    return name === undefined ? [] : { name, kind, isOwner }
  })
}

const around = /^(?:concurrently|if|exists|cascade|restrict|;)$/

/** Between the commas, without what is in parentheses. */
function itemsOf(words: readonly string[]): string[][] {
  const items: string[][] = [[]]
  let depth = 0
  for (const one of words) {
    if (one === '(') depth += 1
    else if (one === ')') depth -= 1
    else if (depth === 0 && one === ',') items.push([])
    else if (depth === 0 && !around.test(one)) items.at(-1)!.push(one)
  }
  return items
}

function nameOf(text: string): string | undefined {
  if (text.startsWith('"')) return text.slice(1, -1).replaceAll('""', '"')
  return /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(text) ? text : undefined
}

/** Its tokens, without spaces and comments; words in lower case. */
function wordsOf(sql: string): string[] {
  const bytes = Buffer.from(sql)
  const window = wholeWindow(bytes)
  const token = makeToken()
  const words: string[] = []
  for (let at = 0; at < bytes.length; at = token.end) {
    nextToken(window, at, token)
    if (token.kind === space || token.kind === comment) continue
    const text = bytes.toString('utf8', at, token.end)
    words.push(token.kind === word ? text.toLowerCase() : text)
  }
  return words
}
