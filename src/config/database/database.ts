import { resolve } from 'node:path'

import type { Problem } from '../../errors.ts'
import { noParts, targetFromParts, withService } from './complete.ts'
import { finishConnection, splitConnection } from './connection.ts'
import { isSet, readVariable } from '../layers.ts'
import type { Layer } from '../layers.ts'
import { nearest } from '../nearest.ts'
import { type PgEnv, pgNames, readPgEnv } from './pg-env.ts'
import { listSecrets } from '../secrets.ts'
import { databaseNames, type ledgerName, type shadowName } from '../settings.ts'
import type { HostPort, Target } from './target.ts'

/** The database of a run, and what must not be printed because of it. */
export interface Database {
  readonly target: Target
  /** Grows when a credential is read again and is another. */
  readonly secrets: string[]
}

/** Where a database is named. */
interface Naming {
  /** The variable with the connection string; undefined for PG* alone. */
  readonly name: string | undefined
  readonly layer: Layer
  /** What may fill in what it leaves out. */
  readonly layers: readonly Layer[]
}

/** What is said about a configuration. */
interface Said {
  readonly problems: Problem[]
  readonly warnings: string[]
}

/** The same, and apart from it that no database is named. */
interface SaidOfChoice extends Said {
  readonly unnamed: Problem[]
}

/** PG* that name a database by themselves. */
const naming = ['PGHOST', 'PGHOSTADDR', 'PGDATABASE', 'PGSERVICE']

/** Finds the database: the first name set in the first layer that names any; null after adding to `problems`, or to `unnamed`. */
export async function chooseDatabase(layers: readonly Layer[], said: SaidOfChoice): Promise<Database | null> {
  for (const [index, layer] of layers.entries()) {
    const name = databaseNames.find((candidate) => isSet(layer, candidate))
    if (name === undefined && !naming.some((candidate) => isSet(layer, candidate))) continue
    // A database named in the environment takes nothing from .env, whose password may be for another server.
    return readDatabase({ name, layer, layers: layers.slice(0, index + 1) }, said)
  }
  said.unnamed.push({ what: explainNone(layers) })
  return null
}

/** Another database than that of the run, which one variable names; null when it is not set. */
export async function readOther(
  layers: readonly Layer[],
  name: typeof shadowName | typeof ledgerName,
  said: Said,
): Promise<Database | null> {
  const at = layers.findIndex((layer) => isSet(layer, name))
  if (at === -1) return null
  // PG* are about the database of the run.
  const bare = layers.map((layer) => ({
    ...layer,
    variables: onlyOf(layer.variables, [name, `${name}_FILE`, 'HOME']),
  }))
  return readDatabase({ name, layer: bare[at]!, layers: bare.slice(0, at + 1) }, said)
}

function onlyOf(variables: Layer['variables'], names: readonly string[]): Layer['variables'] {
  return Object.fromEntries(names.map((name) => [name, variables[name]]))
}

function explainNone(layers: readonly Layer[]): string {
  const variables = layers.flatMap((layer) => Object.keys(layer.variables).filter((name) => isSet(layer, name)))
  const candidates = databaseNames.flatMap((name) => [name, `${name}_FILE`])
  // UPFRONT_* near misses have been reported already.
  const misspelt = variables.find((name) => !name.startsWith('UPFRONT_') && nearest(name, candidates) !== undefined)
  const [first, ...others] = databaseNames.toReversed()
  const hint = misspelt === undefined ? '' : ` (${misspelt} is set; did you mean ${nearest(misspelt, candidates)}?)`
  return `no database is named${hint}; set ${first} (or ${others.join(', ')}; each also as X_FILE), or PGHOST, PGUSER, PGPASSWORD and PGDATABASE`
}

async function readDatabase(where: Naming, said: Said): Promise<Database | null> {
  const first = await readTarget(where, said)
  if (first === null) return null
  const secrets = [...listSecrets(first.target, first.text)]
  const needsPassword = first.target.password === undefined
  if (!needsPassword && !first.usesFiles) return { target: first.target, secrets }
  const home = where.layers[0]?.variables['HOME'] || undefined
  const passwords = needsPassword ? await import('./passfile.ts') : undefined
  const problem = passwords?.judgePasswordFile(first.target.passfile, home)
  if (problem !== undefined) said.warnings.push(problem)

  let latest = first
  const renew = async (at?: HostPort): Promise<Target> => {
    // A file that is just being replaced is no reason to forget what it held.
    if (first.usesFiles) latest = (await readTarget(where, { problems: [], warnings: [] })) ?? latest
    const { target, text } = latest
    const password = target.password ?? (at && passwords?.findPassword(target, at, home))
    for (const secret of listSecrets({ ...target, password }, text)) {
      if (!secrets.includes(secret)) secrets.push(secret)
    }
    return { ...target, password, renew }
  }
  return { target: { ...first.target, renew }, secrets }
}

interface Read {
  readonly target: Target
  /** The connection string it was made from. */
  readonly text: string | undefined
  readonly usesFiles: boolean
}

async function readTarget({ name, layer, layers }: Naming, said: Said): Promise<Read | null> {
  const before = said.problems.length
  const pgEnv = readPgEnv(layers, said)
  const found = name === undefined ? undefined : readVariable(layer, name, said.problems)
  if (name !== undefined && found === undefined) return null
  const source = found?.source ?? `PG*${layer.label}`
  const fail = (what: string) => (said.problems.push({ what: `${source}: ${what}` }), null)
  const parts = found === undefined ? noParts : splitConnection(found.value)
  if (typeof parts === 'string') return fail(parts)

  const service = parts.parameters.service ?? pgEnv['PGSERVICE']
  const served = service ? await readService(service, parts.parameters.servicefile, pgEnv, layers) : {}
  if (typeof served === 'string') return fail(served)
  const whole = withService(parts, served)
  const target = (found === undefined ? targetFromParts : finishConnection)(whole, pgEnv, source)
  if (typeof target === 'string') return fail(target)
  if (said.problems.length > before) return null
  const names = [...(name === undefined ? [] : [name]), ...pgNames]
  const usesFiles = service !== undefined || names.some((one) => layers.some((each) => each.variables[`${one}_FILE`]))
  return { target: withAbsolutePaths(target, layer.cwd), text: found?.value, usesFiles }
}

async function readService(
  name: string,
  file: string | undefined,
  pgEnv: PgEnv,
  layers: readonly Layer[],
): ReturnType<typeof import('./service.ts').readService> {
  const { variables = {}, cwd = '' } = layers[0] ?? {}
  const given = file || pgEnv['PGSERVICEFILE']
  return (await import('./service.ts')).readService(name, {
    file: given ? resolve(cwd, given) : undefined,
    home: variables['HOME'] || undefined,
    system: variables['PGSYSCONFDIR'] || undefined,
  })
}

function withAbsolutePaths(target: Target, cwd: string): Target {
  const { tls, passfile } = target
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(cwd, path))
  const rootCert = tls.rootCert === 'system' ? tls.rootCert : absolute(tls.rootCert)
  const crl = tls.crl === undefined ? {} : { crl: absolute(tls.crl) }
  return {
    ...target,
    ...(passfile === undefined ? {} : { passfile: resolve(cwd, passfile) }),
    tls: { ...tls, rootCert, cert: absolute(tls.cert), key: absolute(tls.key), ...crl },
  }
}
