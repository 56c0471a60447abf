import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseConnection } from '../config/database/connection.ts'
import type { Target } from '../config/database/target.ts'
import { listSecrets } from '../config/secrets.ts'
import { Failure } from '../errors.ts'
import { localReader } from '../run/rehearse/pending.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import { inDatabase } from '../run/shadow/scratch.ts'
import type { FleetTarget } from './fleet.ts'
import { targetsOfSchemas } from './schemas.ts'

/** A tenant as its row or line says it. */
interface Named {
  readonly where: string
  readonly name?: string | null
  readonly group?: string | null
}

/** Every tenant of the fleet; throws USAGE when there is none, or it is not said where they are. */
export async function targetsOf(run: Run): Promise<readonly FleetTarget[]> {
  const { query, file, schemas } = run.config.fleet
  if ([query, file, schemas].filter((one) => one !== null).length !== 1) {
    throw new Failure('USAGE', 'which databases the fleet has is said by exactly one of three settings', {
      next: 'Set UPFRONT_FLEET_QUERY, UPFRONT_FLEET_FILE or UPFRONT_FLEET_SCHEMAS.',
    })
  }
  if (schemas !== null) return targetsOfSchemas(run)
  const named = query === null ? await readLines(run, file!) : await ask(run, query)
  if (named.length === 0) {
    const next = 'A fleet that is empty by mistake would look as if all were done: set it right, or run no fleet.'
    throw new Failure('USAGE', `the ${query === null ? 'file' : 'query'} of the fleet names no tenant`, { next })
  }
  const targets = named.map((one) => toTarget(run, one))
  const names = new Set<string>()
  for (const { name } of targets) {
    if (names.has(name)) throw wrong(`two tenants are called ${name}`, 'Give them names (a column called name).')
    names.add(name)
  }
  return targets
}

async function ask(run: Run, query: string): Promise<readonly Named[]> {
  const rows = await withServer(run, requireAnswer, (session) => localReader(run, session).query(query))
  return rows.map((row) => {
    const { url, database, name, group } = row as Record<string, string | null>
    const [only] = Object.keys(row).length === 1 ? Object.values(row) : []
    const where = url ?? database ?? (only as string | null | undefined)
    if (typeof where !== 'string' || where === '')
      throw wrong('a row of the query names no database', 'It needs a column called database or url.')
    return { where, name: name ?? null, group: group ?? null }
  })
}

async function readLines(run: Run, file: string): Promise<readonly Named[]> {
  const text = await readFile(resolve(run.io.cwd, file), 'utf8').catch((error: Error) => {
    throw wrong(`UPFRONT_FLEET_FILE: ${file} cannot be read`, error.message)
  })
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map((where) => ({ where }))
}

function toTarget(run: Run, { where, name, group = null }: Named): FleetTarget {
  const central = run.config.target!
  const target = where.includes('://') ? ofUrl(run, where) : inDatabase(central, where)
  return { name: name ?? (where.includes('://') ? shortName(target) : where), group, target, schema: null }
}

function ofUrl({ config }: Run, url: string): Target {
  const target = parseConnection(url, {}, 'UPFRONT_FLEET')
  if (typeof target === 'string') throw wrong('a URL of the fleet is no connection string', target)
  // The list grows with every credential that is read.
  const secrets = config.secrets as string[]
  for (const secret of listSecrets(target, url)) if (!secrets.includes(secret)) secrets.push(secret)
  return { ...target, ...(config.target?.role === undefined ? {} : { role: config.target.role }) }
}

function shortName({ hosts, database }: Target): string {
  const [{ host, port } = { host: '', port: 0 }] = hosts
  return `${host}:${port}/${database}`
}

function wrong(message: string, next: string): Failure {
  return new Failure('USAGE', message, { next })
}
