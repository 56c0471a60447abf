import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { explainReadError } from '../layers.ts'
import { type ParameterName, type Parameters, takeParameter } from './parameters.ts'

/** Where services are looked for. */
export interface ServiceFiles {
  /** The one that somebody named; no other counts then. */
  readonly file: string | undefined
  readonly home: string | undefined
  /** PGSYSCONFDIR. */
  readonly system: string | undefined
}

/** The parameters of a service, as libpq reads its files; a string says what is wrong and never what a line holds. */
export async function readService(name: string, { file, home, system }: ServiceFiles): Promise<Parameters | string> {
  const personal = home === undefined ? [] : [join(home, '.pg_service.conf')]
  const candidates = [...(file === undefined ? personal : [file]), ...(system ? [join(system, 'pg_service.conf')] : [])]
  for (const path of candidates) {
    if (path !== file && !existsSync(path)) continue
    let text: string
    try {
      text = readFileSync(path, 'utf8')
    } catch (error) {
      return `its service file ${path} ${explainReadError(error)}`
    }
    const problems: string[] = []
    const found = parseService(text, name, problems)
    if (problems.length > 0) return `service "${name}" in ${path}: ${problems.join('; ')}`
    if (found !== undefined) return found
  }
  const places =
    candidates.length === 0 ? 'there is no service file (PGSERVICEFILE)' : `not in ${candidates.join(', ')}`
  return `its service "${name}" is not defined: ${places}`
}

function parseService(text: string, name: string, problems: string[]): Parameters | undefined {
  let found: Partial<Record<ParameterName, string>> | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('[')) {
      if (found !== undefined) return found
      if (line === `[${name}]`) found = {}
    } else if (found !== undefined) {
      const equals = line.indexOf('=')
      const key = line.slice(0, Math.max(equals, 0))
      const at = `line ${index + 1}`
      if (line.startsWith('ldap')) problems.push(`${at} asks LDAP, which is not supported here`)
      else if (key === 'service' || key === 'servicefile') problems.push(`${at} names another service`)
      else if (equals < 0) problems.push(`${at} is not key=value`)
      else takeService(found, key, line.slice(equals + 1), { at, problems })
    }
  }
  return found
}

function takeService(
  found: Partial<Record<ParameterName, string>>,
  key: string,
  value: string,
  { at, problems }: { at: string; problems: string[] },
): void {
  const own: string[] = []
  takeParameter(found, key, value, own)
  problems.push(...own.map((problem) => `${at}: ${problem}`))
}
