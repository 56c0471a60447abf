import type { Rule } from './finding.ts'

/** Whether findings of a rule may be allowed, and what that means, or why not. */
interface Allowing {
  readonly allowed: boolean
  readonly why: string
}

/** The one list of what may be allowed; docs/checks.md has it as a table. */
export const allowable: Readonly<Record<Rule | 'squawk', Allowing>> = {
  'long-name': {
    allowed: true,
    why: 'Postgres cuts the name, as under psql; the run warns of it, and the file shares its message with no other',
  },
  'enum-value': { allowed: true, why: 'Postgres decides: if the finding is right, the file fails and is rolled back' },
  'function-body': {
    allowed: true,
    why: 'Postgres decides: if the finding is right, the file fails and is rolled back, or the function when it is called',
  },
  'session-state': {
    allowed: true,
    why: 'nothing is lost unless the file is interrupted; then it goes on in a new session that lacks what was set or made',
  },
  'string-escapes': {
    allowed: true,
    why: "the file's strings are read, and cut into statements, as if it were on",
  },
  'needs-contract': {
    allowed: true,
    why: 'it runs when its turn comes: the version before does not use what it takes away, or there is none',
  },
  squawk: { allowed: true, why: 'a matter of judgement; with --deny' },
  syntax: { allowed: false, why: 'Postgres would refuse it as well' },
  encoding: { allowed: false, why: 'what Postgres would get is not what the file means' },
  'meta-command': { allowed: false, why: 'nothing here understands it but psql' },
  'copy-data': { allowed: false, why: 'nothing could send the data' },
  'statement-size': { allowed: false, why: 'the rest of the file was not read, so nobody knows what is in it' },
  alone: { allowed: false, why: 'Postgres refuses it in a transaction: -- upfront:no-transaction lets it run' },
  'transaction-control': {
    allowed: false,
    why: 'a part of the file would stay when the rest fails: BEGIN ... COMMIT is for files with -- upfront:no-transaction',
  },
  'session-lock': { allowed: false, why: 'two runners would migrate at the same time' },
  'file-name': { allowed: false, why: 'a file that is passed over would never run: rename it, or move it elsewhere' },
  down: { allowed: false, why: 'nobody could say what going back means: rename the file, or remove it' },
  verify: { allowed: false, why: 'what never runs would pass for what holds: rename the file, or remove it' },
  module: { allowed: false, why: 'it would not load where it is to run' },
  directive: { allowed: false, why: 'it asks for something that would not happen' },
  allow: { allowed: false, why: 'it says what is to be allowed, and says it wrong' },
}

/** The entry of a rule, which is one for all of `squawk/...`; undefined for an unknown name. */
export function allowingOf(rule: string): Allowing | undefined {
  if (/^squawk\/[a-z][a-z0-9-]*$/.test(rule)) return allowable.squawk
  return rule !== 'squawk' && Object.hasOwn(allowable, rule) ? allowable[rule as Rule] : undefined
}

/** The names of the rules that may be allowed. */
export const allowableRules = Object.entries(allowable).flatMap(([rule, { allowed }]) =>
  allowed ? [rule === 'squawk' ? 'squawk/<rule>' : rule] : [],
)
