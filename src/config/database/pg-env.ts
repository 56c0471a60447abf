import type { Problem } from '../../errors.ts'
import { type Layer, isSet, readVariable } from '../layers.ts'
import { type ParameterName, type Parameters, honoured, judgeLimited, limited, refused } from './parameters.ts'

/** The values of libpq's variables that are set, by their names. */
export type PgEnv = Readonly<Record<string, string>>

/** The variables that fill in what a connection string leaves out. */
export const pgNames = Object.values(honoured).filter((name) => name !== null)

/** What libpq would make of a session and we do not, because a migration says itself what it needs. */
const ignored = ['PGTZ', 'PGDATESTYLE', 'PGGEQO']

/**
 * Libpq's variables, each from the first layer that sets it; one whose promise cannot be kept is a problem, and so is one
 * that cannot be read.
 */
export function readPgEnv(
  layers: readonly Layer[],
  { problems, warnings }: { readonly problems: Problem[]; readonly warnings: string[] },
): PgEnv {
  const pgEnv: Record<string, string> = {}
  const read = (name: string) => {
    const layer = layers.find((candidate) => isSet(candidate, name))
    return layer === undefined ? undefined : readVariable(layer, name, problems)
  }
  for (const name of pgNames) {
    const found = read(name)
    if (found !== undefined) pgEnv[name] = found.value
  }
  for (const [name, { env }] of Object.entries(limited)) {
    const found = env === null ? undefined : read(env)
    const problem = found && judgeLimited(name as keyof typeof limited, found.value, found.source)
    if (problem !== undefined) problems.push({ what: problem })
  }
  for (const { env, next } of Object.values(refused)) {
    const found = env === null ? undefined : read(env)
    if (found !== undefined) problems.push({ what: `${found.source} is not supported here; ${next}` })
  }
  if (read('PGREQUIRESSL')?.value === '1' && !pgEnv['PGSSLMODE']) {
    problems.push({ what: 'PGREQUIRESSL is not supported here; write PGSSLMODE=require' })
  }
  for (const name of ignored) {
    if (read(name) !== undefined) warnings.push(`${name} is ignored; write PGOPTIONS=-cname=value for the session`)
  }
  return pgEnv
}

/** Where settings of a connection come from, and where to put what is wrong with them. */
export interface Given {
  readonly parameters: Parameters
  readonly pgEnv: PgEnv
  readonly problems: string[]
}

/** What a parameter is, by the connection string or else by its variable, and what messages call the one it came from. */
export function find(
  { parameters, pgEnv }: Omit<Given, 'problems'>,
  name: ParameterName,
): { readonly value: string | undefined; readonly whose: string } {
  const own = parameters[name]
  const variable = honoured[name]
  if (own !== undefined || variable === null) return { value: own, whose: `its ${name}` }
  return { value: pgEnv[variable], whose: variable }
}

/** One of a few words; the first is what it is when nobody says. */
export function choose<Word extends string>(given: Given, name: ParameterName, words: readonly Word[]): Word {
  const { value, whose } = find(given, name)
  const found = value ? words.find((word) => word === value) : words[0]
  if (found === undefined) given.problems.push(`${whose} is not one of ${words.join(', ')}`)
  return found ?? words[0]!
}
