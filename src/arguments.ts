import { commands } from './commands/index.ts'
import { nearest } from './config/nearest.ts'
import type { Setting } from './config/setting.ts'
import { flagOf, settingNames, settings } from './config/settings.ts'
import { Failure } from './errors.ts'
import type { Command, Flags } from './run/run.ts'

/** A command line, understood: which command, its own flags, and the flags that are settings. */
export interface Arguments {
  readonly name: string
  readonly command: Command
  readonly flags: Flags
  readonly settings: Readonly<Record<string, string>>
  /** What stands after the command without a flag. */
  readonly operands: readonly string[]
}

/** Throws USAGE for an unknown command or flag, with the nearest known one, and for a flag without its value. */
export function parseArguments(argv: readonly string[]): Arguments {
  const words = [...argv]
  const named = words[0] !== undefined && !words[0].startsWith('-')
  const { name, command } = findCommand(named ? words.shift()! : Object.keys(commands)[0]!)
  const flags: Record<string, string | true> = {}
  const settingFlags: Record<string, string> = {}
  const operands: string[] = []
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-h' || word === '--help') return parseArguments(['help'])
    if (word === '-v' || word === '--version') return parseArguments(['version'])
    if (!word.startsWith('--')) {
      operands.push(word)
      continue
    }
    const [flag, inline] = splitOnce(word.slice(2))
    const own = Object.hasOwn(command.flags ?? {}, flag) ? command.flags![flag] : undefined
    const setting = settingNames.find((one) => flagOf(one) === flag)
    if (!own && !setting) throw unknownFlag(name, command, flag)
    const takesValue = own ? own.value !== undefined : (settings[setting!] as Setting).kind !== 'boolean'
    const value = inline ?? (takesValue ? words.shift() : undefined)
    if (takesValue && value === undefined) throw usage(`--${flag} needs a value`, `upfront ${name} --${flag} <value>`)
    if (own && !takesValue && inline !== undefined) throw usage(`--${flag} takes no value`, `upfront ${name} --${flag}`)
    if (own) flags[flag] = value ?? true
    else settingFlags[flag] = value ?? 'true'
  }
  const expected = command.operands ?? []
  if (operands.length > expected.length) {
    throw usage(`"${operands[expected.length]}" is one word too many for upfront ${name}`, 'See upfront help.')
  }
  return { name, command, flags, settings: settingFlags, operands }
}

function findCommand(word: string): { name: string; command: Command } {
  for (const [name, command] of Object.entries(commands)) {
    if (name === word || command.aliases?.includes(word)) return { name, command }
  }
  const known = Object.entries(commands).flatMap(([name, { aliases = [] }]) => [name, ...aliases])
  const meant = nearest(word, known)
  throw usage(`there is no command "${word}"`, meant ? `Did you mean ${meant}?` : `One of ${known.join(', ')}.`)
}

function unknownFlag(name: string, command: Command, flag: string): Failure {
  const known = [...Object.keys(command.flags ?? {}), ...settingNames.map(flagOf)]
  const meant = nearest(flag, known)
  return usage(
    `upfront ${name} has no flag --${flag}`,
    meant
      ? `Did you mean --${meant}?`
      : 'See upfront help; a connection is set by UPFRONT_DATABASE_URL, never by a flag.',
  )
}

function usage(message: string, next: string): Failure {
  return new Failure('USAGE', message, { next })
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
