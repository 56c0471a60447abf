import { resolve } from 'node:path'

import type { Problem } from '../errors.ts'
import { pgNames, targetFromPgEnv } from './complete.ts'
import type { PgEnv } from './complete.ts'
import { parseConnection } from './connection.ts'
import { isSet, readVariable } from './layers.ts'
import type { Layer } from './layers.ts'
import { nearest } from './nearest.ts'
import { listSecrets } from './secrets.ts'
import { databaseNames } from './settings.ts'
import type { Target } from './target.ts'

/** The database of a run, and what must not be printed because of it. */
export interface Database {
  readonly target: Target
  readonly secrets: readonly string[]
}

/** libpq's variables that would change which server is spoken to, or how safely, and that we do not follow. */
const unsupported = ['PGSERVICE', 'PGHOSTADDR', 'PGSSLCRL', 'PGSSLCRLDIR', 'PGREQUIREAUTH', 'PGREQUIREPEER']

/** Finds the database: the first name set in the first layer that names any; null after adding to `problems`. */
export function chooseDatabase(layers: readonly Layer[], problems: Problem[], warnings: string[]): Database | null {
  for (const layer of layers) {
    for (const name of unsupported) {
      if (isSet(layer, name)) warnings.push(`${name}${layer.label} is not supported, so it is ignored`)
    }
  }
  for (const [index, layer] of layers.entries()) {
    const name = databaseNames.find((candidate) => isSet(layer, candidate))
    if (name === undefined && !isSet(layer, 'PGHOST') && !isSet(layer, 'PGDATABASE')) continue
    // A database named in the environment takes nothing from .env, whose password may be for another server.
    return readDatabase(name, layer, layers.slice(0, index + 1), problems)
  }
  problems.push({ what: explainNone(layers) })
  return null
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

function readDatabase(
  name: string | undefined,
  layer: Layer,
  layers: readonly Layer[],
  problems: Problem[],
): Database | null {
  const before = problems.length
  const pgEnv = readPgEnv(layers, problems)
  const found = name === undefined ? undefined : readVariable(layer, name, problems)
  if (problems.length > before) return null
  const source = found?.source ?? `PG*${layer.label}`
  const target = found === undefined ? targetFromPgEnv(pgEnv, source) : parseConnection(found.value, pgEnv, source)
  if (typeof target === 'string') {
    problems.push({ what: `${source}: ${target}` })
    return null
  }
  return { target: withAbsolutePaths(target, layer.cwd), secrets: listSecrets(target, found?.value) }
}

function readPgEnv(layers: readonly Layer[], problems: Problem[]): PgEnv {
  const pgEnv: Record<string, string> = {}
  for (const name of pgNames) {
    const layer = layers.find((candidate) => isSet(candidate, name))
    const found = layer === undefined ? undefined : readVariable(layer, name, problems)
    if (found !== undefined) pgEnv[name] = found.value
  }
  return pgEnv
}

function withAbsolutePaths(target: Target, cwd: string): Target {
  const { tls } = target
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(cwd, path))
  const rootCert = tls.rootCert === 'system' ? tls.rootCert : absolute(tls.rootCert)
  return { ...target, tls: { ...tls, rootCert, cert: absolute(tls.cert), key: absolute(tls.key) } }
}
