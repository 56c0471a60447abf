import { parseDuration } from '../config/duration.ts'
import type { Limits } from '../migration.ts'
import { nextToken } from '../sql/lex/lex.ts'
import { comment, makeToken, space } from '../sql/lex/token.ts'
import { wholeWindow } from '../sql/lex/window.ts'
import { byteOffsets } from '../sql/parser.ts'

/** Every `-- upfront:<name>` that there is, and what stands behind its name, for messages. */
export const directives = {
  'no-transaction': '',
  contract: '',
  down: '',
  'lock-timeout': '<duration>',
  'statement-timeout': '<duration>',
  'lock-retry': '<duration>',
  allow: '<rule> <why>',
} as const satisfies Readonly<Record<string, string>>

export type DirectiveName = keyof typeof directives

/** A comment `-- upfront:<name> <value>`, whatever its name. */
export interface Directive {
  readonly name: string
  readonly value: string
  /** Where the comment begins, in UTF-16 units. */
  readonly offset: number
  /** Whether it stands before the first statement, where it counts. */
  readonly leading: boolean
}

const shape = /^--[ \t]*upfront:([\w-]\S*)(?:[ \t]+(.*?))?[ \t]*$/
/** What was meant to be `-- upfront:down`: passed over, what takes the migration back would run with it. */
const nearDown = /^--[-\s]*upfront\s*:+\s*down\s*[;:.,]?$/i

/** All of them in a text, in their order, with what is nearly `-- upfront:down`; what stands in strings, bodies and other comments is none. */
export function readDirectives(text: string): Directive[] {
  if (!/upfront\s*:/i.test(text)) return []
  const bytes = Buffer.from(text)
  const at = byteOffsets(text)
  const window = wholeWindow(bytes)
  const token = makeToken()
  const found: Directive[] = []
  let leading = true
  for (let byte = 0; byte < bytes.length; byte = token.end) {
    nextToken(window, byte, token)
    if (token.kind === space) continue
    if (token.kind !== comment) {
      leading = false
      continue
    }
    const line = bytes.toString('utf8', byte, token.end).trimEnd()
    const [, name, value = ''] = nearDown.test(line) ? [line, 'down'] : (shape.exec(line) ?? [])
    if (name !== undefined) found.push({ name, value, offset: at(byte), leading })
  }
  return found
}

/** Whether a comment before the first statement says `upfront:no-transaction`. */
export function saysNoTransaction(found: readonly Directive[]): boolean {
  return found.some(({ name, value, leading }) => leading && name === 'no-transaction' && value === '')
}

const limits = {
  'lock-timeout': 'lockTimeoutMs',
  'statement-timeout': 'statementTimeoutMs',
  'lock-retry': 'lockRetryMs',
} as const satisfies Readonly<Record<string, keyof Limits>>

/**
 * The limits that a file sets for itself before its first statement, undefined without any; what cannot be read is left
 * out.
 */
export function readLimits(found: readonly Directive[]): Limits | undefined {
  const said = found.flatMap(({ name, value, leading }) => {
    const ms = parseDuration(value)
    return leading && isLimit(name) && typeof ms === 'number' ? [[limits[name], ms] as const] : []
  })
  return said.length === 0 ? undefined : (Object.fromEntries(said) as Limits)
}

/** Whether a directive's value is a duration. */
export function isLimit(name: string): name is keyof typeof limits {
  return Object.hasOwn(limits, name)
}
