import { nextToken } from './lex/lex.ts'
import { comment, makeToken, space } from './lex/token.ts'

const marker = /^--[ \t]*upfront:no-transaction[ \t]*$/

/** Whether a comment before the first statement says `upfront:no-transaction`. */
export function isMarked(text: string): boolean {
  if (!text.includes('upfront:no-transaction')) return false
  const bytes = Buffer.from(text)
  const token = makeToken()
  for (let at = 0; at < bytes.length; at = token.end) {
    nextToken(bytes, at, bytes.length, true, token)
    if (token.kind === comment && marker.test(bytes.toString('utf8', at, token.end))) return true
    if (token.kind !== comment && token.kind !== space) return false
  }
  return false
}
