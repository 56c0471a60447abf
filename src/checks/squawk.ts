import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure, type Problem } from '../errors.ts'
import { placeAt } from '../sql/position.ts'
import { type Allowance, type Judged, type Subject, judge } from './allowances.ts'

/** A migration that compiled, as squawk gets to see it. */
export interface LintedFile extends Subject {
  readonly path: string
  /** As messages call it. */
  readonly shown: string
  readonly transaction: boolean
  /** Its normalised text, without the down part, which is there to drop things. */
  readonly text: () => string
  /** What is allowed for it. */
  readonly allowances: readonly Allowance[]
  /** Set for another tool's file, which is warned of once, whatever is found in it. */
  readonly isForeign?: boolean
}

/** What squawk has to say. */
export interface Linted {
  /** False where it is not installed. */
  readonly asked: boolean
  readonly found: readonly Problem[]
  readonly allowed: readonly Problem[]
}

/** Rules about what upfront does for every migration, or that make sense only without it. */
const excluded = new Set([
  // Postgres' own parser has checked the syntax; squawk has another one.
  'syntax-error',
  // Ours as well: long-name.
  'identifier-too-long',
  'prefer-robust-stmts',
  'require-lock-timeout',
  'require-statement-timeout',
  'transaction-nesting',
])
/** A command line has its limits. */
const filesAtOnce = 500
const largestAnswer = 256 << 20

interface Finding {
  readonly file: string
  /** From 0; the column in bytes. */
  readonly line: number
  readonly column: number
  readonly message: string
  readonly help: string | null
  readonly rule_name: string
}

/**
 * What squawk has to say of some migrations, nothing where it is not installed, as in the image that runs. A comment
 * `-- squawk-ignore <rule>` silences it for a statement, `-- squawk-ignore-file <rule>` for a file.
 */
export async function lint(files: readonly LintedFile[], cwd: string, searchPath: string): Promise<Linted> {
  const program = findSquawk(cwd, searchPath)
  if (program === null) return { asked: false, found: [], allowed: [] }
  const judged: Judged[] = []
  for (const transaction of [true, false]) {
    const some = files.filter((file) => file.transaction === transaction)
    const flags = ['--reporter', 'json', ...(transaction ? ['--assume-in-transaction'] : [])]
    for (let at = 0; at < some.length; at += filesAtOnce) {
      const batch = some.slice(at, at + filesAtOnce)
      const found = await ask(program, [...flags, ...batch.map(({ path }) => path)], cwd)
      judged.push(...batch.map((file) => inOne(file, judge(describe(file, found), file, file.allowances))))
    }
  }
  return {
    asked: true,
    found: judged.flatMap(({ refused }) => refused),
    allowed: judged.flatMap(({ allowed }) => allowed),
  }
}

/** A generator's file was not written by anybody who could mend it line by line. */
function inOne({ isForeign }: LintedFile, { refused, allowed }: Judged): Judged {
  const [first, ...more] = refused
  if (!isForeign || !first || more.length === 0) return { refused, allowed }
  const others = [...new Set(more.map(({ rule }) => rule))].join(', ')
  return { refused: [{ ...first, what: `${first.what} And ${more.length} more: ${others}.` }], allowed }
}

/** The program of the npm package, from where the command was typed or from where upfront is, or one on the PATH. */
export function findSquawk(cwd: string, searchPath: string): string | null {
  const inPackages = [cwd, dirname(fileURLToPath(import.meta.url))].flatMap((start) =>
    ancestors(start).flatMap((dir) =>
      globSync('node_modules/@squawk-cli/*/bin/squawk{,.exe}', { cwd: dir }).map((file) => join(dir, file)),
    ),
  )
  const onPath = searchPath.split(':').filter((dir) => dir !== '' && !dir.endsWith('node_modules/.bin'))
  return [...inPackages, ...onPath.map((dir) => join(dir, 'squawk'))].find((file) => existsSync(file)) ?? null
}

function ancestors(dir: string): string[] {
  return dirname(dir) === dir ? [dir] : [dir, ...ancestors(dirname(dir))]
}

function ask(program: string, args: string[], cwd: string): Promise<Finding[]> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, maxBuffer: largestAnswer }, (error, stdout, stderr) => {
      try {
        // It exits with 1 when it has findings.
        resolve(JSON.parse(stdout) as Finding[])
      } catch {
        reject(
          new Failure('USAGE', 'squawk could not look at the migrations', {
            reason: stderr.trim() || String(error?.message ?? 'it did not answer with JSON'),
            next: 'Mend its configuration (.squawk.toml), or remove it: upfront compile runs it when it finds it.',
          }),
        )
      }
    })
  })
}

function describe(file: LintedFile, findings: readonly Finding[]): Problem[] {
  const own = findings.filter((found) => found.file === file.path && !excluded.has(found.rule_name))
  if (own.length === 0) return []
  const text = file.text()
  const lines = text.split('\n')
  return own.flatMap(({ line, column, message, help, rule_name }) => {
    // What is blank in the text that runs is a part of the file that does not.
    if ((lines[line] ?? '').trim() === '') return []
    const before = Buffer.from(lines[line]!).toString('utf8', 0, column)
    const offset = lines.slice(0, line).join('\n').length + (line > 0 ? 1 : 0) + before.length
    const silence = `or put "-- squawk-ignore ${rule_name}" in front of it.`
    const next = `${help ? `${help.replace(/\.?$/, '')}, ` : 'Reconsider, '}${silence} See https://squawkhq.com/docs/${rule_name}.`
    return [{ what: message, place: placeAt(file.shown, text, offset), next, rule: `squawk/${rule_name}` }]
  })
}
