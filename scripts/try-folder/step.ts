import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What a tool sends for one migration, and what it then writes down of it. */
export interface Step {
  /** As the tool calls it. */
  readonly name: string
  /** Path inside the folder. */
  readonly file: string
  /** What is sent, message by message; a message of several statements is one transaction of its own. */
  readonly messages: readonly string[]
  /** Whether the tool wraps the messages in BEGIN and COMMIT. */
  readonly wrapped: boolean
  readonly bytes: Buffer
  /** By which the history knows it, where that is not the name. */
  readonly version?: string
  readonly description?: string
}

/** Values of placeholders by their names, as the program takes them from its environment. */
export type Values = Readonly<Record<string, string>>

/** Names of the entries of a folder in the order of their code units; empty when there is none. */
export function entriesOf(path: string): readonly string[] {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path).sort() : []
}

/** One file as a step: all of its text in one message, unless `more` says otherwise. */
export function stepOf(dir: string, file: string, more: (text: string) => Partial<Step>): Step {
  const bytes = readFileSync(join(dir, file))
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  return { name: file.replace(/\.sql$/, ''), file, messages: [text], wrapped: true, bytes, ...more(text) }
}
