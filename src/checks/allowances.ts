import { nearest } from '../config/nearest.ts'
import type { Place, Problem } from '../errors.ts'
import { allowableRules, allowingOf } from './allowable.ts'
import type { Directive } from './directives.ts'
import { finding } from './finding.ts'
import { howToAllow } from './how-to-allow.ts'

/** Findings that somebody has allowed, and why. */
export interface Allowance {
  readonly rule: string
  readonly why: string
  readonly place: Place
  /** Set where nobody has asked for it: the tool whose file it is lets it pass. */
  readonly implied?: true
  /** Whether it allows something that was found, or that may happen when the file runs. */
  used: boolean
}

/** The file or seed that findings are about. */
export interface Subject {
  readonly name: string
  /** Where else it may be allowed, as messages call it. */
  readonly allowFile: string
}

/** The findings of one file, divided into refused and allowed ones. */
export interface Judged {
  readonly refused: readonly Problem[]
  /** One for each rule. */
  readonly allowed: readonly Problem[]
}

/** What is allowed in a file of another tool: all that may be, because that tool would have run it. Umzug's and knex's have our layout. */
export function impliedAllowances(format: string, file: string): Allowance[] {
  if (format === 'plain') return []
  const place = { file, line: 1, column: 1, text: '' }
  const why = `${format} runs it as well`
  return allowableRules
    .filter((rule) => !rule.startsWith('squawk'))
    .map((rule) => ({ rule, why, place, implied: true, used: true }))
}

/** Warnings without those of a rule that somebody has allowed; without `allowances` that rule is not for this file. */
export function unlessAllowed(notices: readonly Problem[], rule: string, allowances?: readonly Allowance[]) {
  const allowing = allowances?.filter((one) => one.rule === rule)
  for (const one of allowing ?? []) one.used = true
  return allowing?.length === 0 ? notices : notices.filter((one) => one.rule !== rule)
}

/** Reads `<rule> <why>`; a mistake in it is a problem, because somebody relies on it. */
export function readAllowance(text: string, place: Place, form: string): Allowance | Problem {
  const [, rule = '', why = ''] = /^(\S*)\s*(.*?)\s*$/s.exec(text)!
  const refused = problemOf(rule, place)
  if (refused) return refused
  if (why === '')
    return finding('allow', `"${rule}" is allowed without a why`, place, `Write: ${form.replace('<rule>', rule)}.`)
  return { rule, why, place, used: false }
}

/** What is wrong with a rule that is to be allowed, null when nothing is. */
export function problemOf(rule: string, place: Place): Problem | null {
  const allowing = allowingOf(rule)
  const list = `There are ${allowableRules.join(', ')}.`
  if (!allowing) {
    const meant = nearest(rule, allowableRules)
    const next = meant ? `Did you mean ${meant}?` : list
    return finding('allow', `there is no rule "${rule}"`, place, next)
  }
  if (allowing.allowed) return null
  return finding('allow', `${rule} may not be allowed: ${allowing.why}`, place, `Mend what it finds. ${list}`)
}

/** The allowances in the comments of a text, and what is wrong with them. */
export function readOwnAllowances(
  directives: readonly Directive[],
  placeOf: (offset: number) => Place,
): { readonly own: Allowance[]; readonly problems: Problem[] } {
  const own: Allowance[] = []
  const problems: Problem[] = []
  for (const { name, value, offset, leading } of directives) {
    if (name !== 'allow' || !leading) continue
    const one = readAllowance(value, placeOf(offset), '-- upfront:allow <rule> <why>')
    if ('what' in one) problems.push(one)
    else own.push(one)
  }
  return { own, problems }
}

/** Takes out of the findings of a file what is allowed there, and says of the rest how it could be. */
export function judge(
  found: readonly Problem[],
  { name, allowFile }: Subject,
  allowances: readonly Allowance[],
): Judged {
  const refused: Problem[] = []
  const passed = new Map<Allowance, Problem[]>()
  for (const one of found) {
    const rule = one.rule ?? ''
    const matching = allowances.filter((allowance) => allowance.rule === rule)
    for (const allowance of matching) allowance.used = true
    const by = matching[0]
    if (by) passed.set(by, [...(passed.get(by) ?? []), one])
    else refused.push(allowingOf(rule)?.allowed ? withAdvice(one, name, allowFile) : { ...one, name })
  }
  const allowed = [...passed].map(([{ rule, why }, all]) => describe(rule, why, name, all))
  return { refused, allowed }
}

/** The same for a text that will run; `allow` names the rules that are allowed at that time too, found or not. */
export function judgeText(
  found: readonly Problem[],
  subject: Subject & { readonly allowances: readonly Allowance[] },
  own: readonly Allowance[],
  makesNames: boolean,
): Judged & { readonly allow: readonly string[] } {
  const all = [...own, ...subject.allowances]
  const isNeeded = makesNames || found.some(({ rule }) => rule === 'long-name')
  const cutting = all.filter(({ rule, implied }) => rule === 'long-name' && (isNeeded || !implied))
  if (makesNames) for (const one of cutting) one.used = true
  return { ...judge(found, subject, all), allow: cutting.length > 0 ? ['long-name'] : [] }
}

function withAdvice(problem: Problem, name: string, allowFile: string): Problem {
  const advice = howToAllow(problem.rule!, name, allowFile)
  return { ...problem, name, next: problem.next ? `${problem.next} ${advice}` : advice }
}

function describe(rule: string, why: string, name: string, [first, ...more]: readonly Problem[]): Problem {
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  return {
    what: `${rule} is allowed here (${why}): ${first!.what}${others}`,
    ...(first!.place ? { place: first!.place } : {}),
    rule,
    name,
  }
}

/** Warnings about allowances that nothing needs; those of squawk are known only when squawk was asked. */
export function tellUnused(allowances: readonly Allowance[], squawkAsked: boolean): Problem[] {
  return allowances
    .filter(({ used, rule }) => !used && (squawkAsked || !rule.startsWith('squawk/')))
    .map(({ rule, place }) => ({
      what: `nothing is left that "allow ${rule}" would let pass`,
      place,
      next: 'Remove it, so that it does not let pass what comes later.',
      rule: 'allow',
    }))
}
