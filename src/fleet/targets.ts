import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseConnection } from '../config/database/connection.ts'
import type { Target } from '../config/database/target.ts'
import { listSecrets } from '../config/secrets.ts'
import { Failure } from '../errors.ts'
import { localValues } from '../postgres/local-settings.ts'
import { streamRows } from '../postgres/stream-rows.ts'
import type { Run } from '../run/run.ts'
import { requireAnswer, withServer } from '../run/server.ts'
import { inDatabase } from '../run/shadow/scratch.ts'
import { type Listed, hostsOf, placeAt } from './fleet.ts'
import { listSchemas } from './schemas.ts'

/** A tenant as its row or line says it. */
interface Named {
  readonly where: string
  /** What it is called where nothing else can be said of it: `row 3`. */
  readonly at: string
  readonly isUrl: boolean
  readonly name: string | null
  readonly group: string | null
}

/** Hands over every tenant of the fleet; throws USAGE when there is none, or it is not said where they are. */
export async function listFleet(run: Run, take: (one: Listed) => void): Promise<void> {
  const { query, file, schemas } = run.config.fleet
  if ([query, file, schemas].filter((one) => one !== null).length !== 1) {
    throw new Failure('USAGE', 'which databases the fleet has is said by exactly one of three settings', {
      next: 'Set UPFRONT_FLEET_QUERY, UPFRONT_FLEET_FILE or UPFRONT_FLEET_SCHEMAS.',
    })
  }
  if (schemas !== null) return listSchemas(run, take)
  const names = new Set<string>()
  const secrets = new Set(run.config.secrets)
  const hosts = hostsOf(run.config.target!)
  const takeNamed = (named: Named) => {
    const one = named.isUrl || isLikeUrl(named.where) ? byUrl(run, secrets, named) : byName(run, hosts, named)
    if (names.has(one.name))
      throw wrong(`two tenants are called ${one.name}`, 'Give them names (a column called name).')
    names.add(one.name)
    take(one)
  }
  await (query === null ? readLines(run, file!, takeNamed) : ask(run, query, takeNamed))
  if (names.size > 0) return
  const next = 'A fleet that is empty by mistake would look as if all were done: set it right, or run no fleet.'
  throw new Failure('USAGE', `the ${query === null ? 'file' : 'query'} of the fleet names no tenant`, { next })
}

/** All columns, because a name or a group may well be a number. */
const asText = { getTypeParser: () => (value: string) => value }

async function ask(run: Run, query: string, take: (named: Named) => void): Promise<void> {
  const { lockTimeoutMs, target } = run.config
  const { role, searchPath } = target!
  const settings = localValues({ lockTimeoutMs, role, searchPath, readOnly: true })
  let rows = 0
  const takeRow = (row: Readonly<Record<string, unknown>>) => {
    rows += 1
    const { url, database, name, group } = row as Record<string, string | null>
    const values = Object.values(row) as (string | null)[]
    const where = url ?? database ?? (values.length === 1 ? values[0] : undefined)
    if (where === undefined && url === undefined && database === undefined)
      throw wrong('a row of the query names no database', 'It needs a column called database or url.')
    take({
      where: where ?? '',
      at: `row ${rows}`,
      isUrl: typeof url === 'string',
      name: name || null,
      group: group || null,
    })
  }
  await withServer(run, requireAnswer, (session) =>
    streamRows(session, settings, { text: query, types: asText }, takeRow),
  ).catch((error: unknown) => {
    if (error instanceof Failure || (error as { severity?: string }).severity === undefined) throw error
    const { message: reason, code: sqlstate } = error as Error & { code: string }
    throw new Failure(
      'USAGE',
      'the query of the fleet failed',
      { sqlstate, reason, next: 'Set UPFRONT_FLEET_QUERY right.' },
      error,
    )
  })
}

async function readLines(run: Run, file: string, take: (named: Named) => void): Promise<void> {
  const text = await readFile(resolve(run.io.cwd, file), 'utf8').catch((error: Error) => {
    throw wrong(`UPFRONT_FLEET_FILE: ${file} cannot be read`, error.message)
  })
  for (const [i, line] of text.split('\n').entries()) {
    const where = line.trim()
    if (where !== '' && !where.startsWith('#'))
      take({ where, at: `line ${i + 1}`, isUrl: false, name: null, group: null })
  }
}

/** Whether it is or should be a connection string: what may hold a password must not become the name of a tenant. */
function isLikeUrl(where: string): boolean {
  return /:\/\/|:[^@]*@|\bpassword\s*=/is.test(where)
}

function byName(run: Run, hosts: string, { where, at, name, group }: Named): Listed {
  if (where === '') return unreachable({ name: name ?? at, group }, 'no database is named for it', 'Name it there.')
  const own = { name: name ?? where, group }
  const open = () => ({ ...own, target: inDatabase(run.config.target!, where), schema: null })
  return { ...own, place: placeAt(hosts, where, null), open }
}

function byUrl(run: Run, secrets: Set<string>, { where, at, name: named, group }: Named): Listed {
  const name = named === where ? null : named
  const target = ofUrl(run, where)
  if (typeof target === 'string')
    return unreachable({ name: name ?? at, group }, 'its URL is no connection string', target)
  for (const secret of listSecrets(target, where)) {
    // The list grows with every credential that is read; looking for each in it would take the square of a fleet.
    if (!secrets.has(secret)) (run.config.secrets as string[]).push(secret)
    secrets.add(secret)
  }
  const own = { name: name ?? shortName(target), group }
  const open = () => ({ ...own, target: ofUrl(run, where) as Target, schema: null })
  return { ...own, place: placeAt(hostsOf(target), target.database, null), open }
}

/** One that fails by itself, because all others can be reached. */
function unreachable(own: Pick<Listed, 'name' | 'group'>, message: string, next: string): Listed {
  const open = () => {
    throw wrong(message, next)
  }
  return { ...own, place: placeAt('', '', null), open }
}

function ofUrl({ config }: Run, url: string): Target | string {
  const target = parseConnection(url, {}, 'UPFRONT_FLEET')
  if (typeof target === 'string') return target
  return { ...target, ...(config.target?.role === undefined ? {} : { role: config.target.role }) }
}

function shortName({ hosts, database }: Target): string {
  const [{ host, port } = { host: '', port: 0 }] = hosts
  return `${host}:${port}/${database}`
}

function wrong(message: string, next: string): Failure {
  return new Failure('USAGE', message, { next })
}
