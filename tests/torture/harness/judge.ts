// What a run said of itself, held against what is there.
import type { Picture } from './picture.ts'
import type { Ended } from './program.ts'
import type { Scenario } from './scenario.ts'
import type { Scene } from './scene.ts'
import { type State, countUnits, isComplete } from './state.ts'

export interface Finding {
  readonly kind: 'torn' | 'false success' | 'false claim' | 'hang' | 'leak' | 'secret' | 'exit' | 'words' | 'rerun'
  readonly what: string
}

export type Find = (kind: Finding['kind'], what: string) => void

/** The exit code, the last words, and no secret in any of them. */
export function judgeEnd(
  { scenario, urlBy }: Scene,
  allowed: readonly number[],
  { exitCode, stdout, stderr }: Ended,
  find: Find,
): void {
  const exits = allowed.map((exit) => (exit === 0 ? scenario.end : exit))
  if (!exits.includes(exitCode)) find('exit', `exit ${exitCode}: ${stderr.trim().split('\n').slice(-6).join(' | ')}`)
  if (exitCode === 30 && /^disconnected /m.test(stderr)) find('exit', 'it was connected: that is 32, not 30')
  const { password } = new URL(urlBy())
  if ((stdout + stderr).includes(password)) find('secret', 'the password is in the output')
  const last = stderr.trimEnd().split('\n').at(-1) ?? ''
  if (exitCode === 0 && !/^(done|up to date) /.test(last)) find('words', `the last line is not the summary: ${last}`)
  if (exitCode === 0 || exitCode === 137) return
  if (!new RegExp(`^failed +${exitCode} [A-Z_]+`).test(last)) find('words', `the last line is not the summary: ${last}`)
  if (!/next: ./.test(stderr)) find('words', 'nothing says what to do next')
}

/** Success and `applied` are said of what is there, `rolled back` of what is not. */
export function judgeClaims(
  scenario: Scenario,
  { exitCode, stderr }: Ended,
  state: State,
  golden: readonly Picture[],
  find: Find,
): void {
  const there = state.history.filter((row) => row.state === 'applied').map(({ name }) => name)
  const claimed = [...stderr.matchAll(/^(?:applied|seeded) {2,}(.+?) {2}\d/gm)].map(([, name]) => name!)
  if (exitCode === scenario.end && !isComplete(scenario, state))
    find('false success', `exit ${exitCode}, not all of it`)
  for (const name of claimed) if (!there.includes(name)) find('false claim', `${name} was called applied and is not`)
  if (new Set(claimed).size !== claimed.length) find('false claim', `called applied twice: ${claimed.join()}`)
  const unsaid = there.filter((name) => !claimed.includes(name))
  if (exitCode !== 137 && /rolled back/.test(stderr) && unsaid.length > 0)
    find('false claim', `it says "rolled back", but ${unsaid.join()} is applied: ${stderr.slice(-400)}`)
  const { catalog } = golden[countUnits(scenario, state.history)] ?? { catalog: [] }
  if (/rolled back/.test(stderr) && state.catalog.join() !== catalog.join())
    find('false claim', `it says "rolled back", but more is there than the history says: ${stderr.slice(-400)}`)
  if (exitCode === 23 && state.invalid.length === 0) find('false claim', 'exit 23, and every index is valid')
}
