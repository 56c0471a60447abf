import type { Io } from '../io.ts'
import type { Level } from './fields.ts'

/** One line of the log for people: its verb in the first column, or, without one, indented below the line before. */
export interface Line {
  readonly verb?: string
  readonly text: string
}

/** How the verb looks where colours are wanted. */
export type Tone = 'good' | 'plain' | Exclude<Level, 'debug' | 'info'>

const verbWidth = 13
const colours: Readonly<Record<Tone, string>> = { good: '32', plain: '1', warn: '33', error: '31' }

/** Lays out lines as the log has them, each with its newline. */
export function layOut(lines: readonly Line[], tone: Tone, colour: boolean): string {
  return lines.map((line) => `${layOutLine(line, tone, colour)}\n`).join('')
}

/** Whether stderr gets colours: FORCE_COLOR decides, then NO_COLOR, then whether somebody looks at a terminal. */
export function wantsColour(io: Pick<Io, 'env' | 'stderr'>): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no } = io.env
  if (force) return force !== '0' && force !== 'false'
  if (no) return false
  return isTerminal(io)
}

/** Whether a line on stderr may be written over. */
export function isTerminal({ env, stderr }: Pick<Io, 'env' | 'stderr'>): boolean {
  return stderr.isTTY === true && env['TERM'] !== 'dumb'
}

function layOutLine({ verb, text }: Line, tone: Tone, colour: boolean): string {
  if (verb === undefined) return `  ${text}`.trimEnd()
  const gap = ' '.repeat(Math.max(0, verbWidth - verb.length) + 2)
  return `${colour ? `\x1b[${colours[tone]}m${verb}\x1b[0m` : verb}${gap}${text}`.trimEnd()
}
