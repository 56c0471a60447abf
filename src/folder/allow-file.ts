import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Allowance, readAllowance } from '../checks/allowances.ts'
import { finding } from '../checks/finding.ts'
import { allowFile } from '../checks/how-to-allow.ts'
import { nearest } from '../config/nearest.ts'
import { Failure, type Place, type Problem } from '../errors.ts'
import { readText } from './files.ts'

/** A line of `upfront.allow`: an allowance for one file, or for all. */
interface Line extends Allowance {
  /** null stands for `*`. */
  readonly name: string | null
}

/** What a folder's `upfront.allow` says. */
export interface AllowFile {
  /** What is wrong in it. */
  readonly problems: readonly Problem[]
  readonly lines: readonly Line[]
  /** Those for one migration or seed. */
  readonly of: (name: string) => readonly Allowance[]
}

const form = `<rule> <migration or *> <why>`

/** Reads it; `names` are those of the folder, because a name may have spaces. Without the file nothing is allowed. */
export function readAllowFile(dir: string, shown: string, names: readonly string[]): AllowFile {
  const path = join(dir, allowFile)
  if (!existsSync(path)) return { problems: [], lines: [], of: () => [] }
  const file = join(shown, allowFile)
  const read = readText(path, file)
  if ('problem' in read) return { problems: [read.problem], lines: [], of: () => [] }
  const problems: Problem[] = []
  const lines: Line[] = []
  const longestFirst = names.toSorted((a, b) => b.length - a.length)
  for (const [index, text] of read.text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(text)) continue
    const place = { file, line: index + 1, column: 1, text }
    const line = readLine(text.normalize('NFC').trim(), place, longestFirst)
    if ('what' in line) problems.push(line)
    else lines.push(line)
  }
  const of = (name: string) => lines.filter((line) => line.name === null || line.name === name)
  return { problems, lines, of }
}

function readLine(text: string, place: Place, names: readonly string[]): Line | Problem {
  const [, rule = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(text)!
  const known = names.find((name) => [name, `${name}.sql`].some((one) => rest === one || isBefore(one, rest)))
  const said =
    known === undefined ? rest : rest.slice(rest.startsWith(`${known}.sql`) ? known.length + 4 : known.length)
  const [, word = '', why = ''] = known === undefined ? /^(\S*)\s*(.*)$/s.exec(rest)! : ['', known, said]
  if (word === '') return finding('allow', `"${text}" does not say for which file`, place, `Write: ${form}.`)
  const allowance = readAllowance(`${rule} ${why}`, place, form.replace('<migration or *>', word))
  return 'what' in allowance ? allowance : { ...allowance, name: word === '*' ? null : word }
}

function isBefore(name: string, rest: string): boolean {
  return rest.startsWith(name) && /\s/.test(rest[name.length] ?? '')
}

/** Lines for files that the folder does not have. */
export function warnOfUnknownNames({ lines }: AllowFile, names: readonly string[]): Problem[] {
  return lines.flatMap((line) => {
    const { name, place } = line
    if (name === null || names.includes(name)) return []
    line.used = true
    const meant = nearest(name, names)
    const next = meant ? `Did you mean ${meant}?` : 'Remove the line.'
    return [{ what: `there is no ${name}`, place, next, rule: 'allow' }]
  })
}

/** One that is to be written. */
export interface NewLine {
  readonly rule: string
  readonly name: string
}

const head = `# What upfront compile lets pass: ${form}. See docs/checks.md.\n`

/** Adds lines at the end, in this order, and leaves those that are there as they are; answers how many are new. */
export function addLines(dir: string, shown: string, fresh: readonly NewLine[], why: string): number {
  const path = join(dir, allowFile)
  const before = existsSync(path) ? textOf(path) : head
  const there = new Set(before.split('\n'))
  const lines = new Set(fresh.map(({ rule, name }) => `${rule} ${name} ${why}`))
  // A name with a line end could not be read back.
  const added = [...lines].filter((line) => !there.has(line) && !/[\r\n]/.test(line))
  if (added.length === 0) return 0
  const temporary = join(dir, `.${allowFile}.new`)
  try {
    writeFileSync(temporary, `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${added.join('\n')}\n`)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    const facts = {
      reason: (error as Error).message,
      next: 'Run it where the folder can be written, and commit the file.',
    }
    throw new Failure('USAGE', `${join(shown, allowFile)} could not be written`, facts, error)
  }
  return added.length
}

function textOf(path: string): string {
  const read = readText(path, path)
  return 'text' in read ? read.text : ''
}
