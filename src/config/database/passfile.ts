import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { explainReadError } from '../layers.ts'
import { type HostPort, type Target, isUnixSocket } from './target.ts'

/** Why a password file will not be used though somebody may count on it; undefined when there is nothing to say. */
export function judgePasswordFile(path: string | undefined, home: string | undefined): string | undefined {
  const file = fileOf(path, home)
  const problem = file === undefined ? undefined : refuseFile(file)
  // Nobody has to have a ~/.pgpass, and who runs as any user has no home to look into.
  if (problem === undefined || (path === undefined && !problem.found)) return undefined
  return `the password file ${file} ${problem.what}, so it is ignored`
}

/** The password of the first line that fits, as libpq finds it; the file is read at every call. */
export function findPassword(target: Target, at: HostPort, home: string | undefined): string | undefined {
  const file = fileOf(target.passfile, home)
  if (file === undefined || refuseFile(file) !== undefined) return undefined
  const wanted = [hostOf(at.host), String(at.port), target.database, target.user]
  for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = split(line)
    const fits = wanted.every((value, index) => fields[index]?.text === value || fields[index]?.raw === '*')
    if (fits && fields[4] !== undefined) return fields[4].text || undefined
  }
  return undefined
}

function fileOf(path: string | undefined, home: string | undefined): string | undefined {
  return path ?? (home === undefined ? undefined : join(home, '.pgpass'))
}

/** As libpq does: a file that others may read is none to trust. */
function refuseFile(file: string): { readonly what: string; readonly found: boolean } | undefined {
  try {
    const { mode } = statSync(file)
    if ((mode & 0o170000) !== 0o100000) return { what: 'is not a plain file', found: true }
    if ((mode & 0o077) !== 0) {
      const what = 'may be read by its group or by others (chmod 0600; in Kubernetes defaultMode: 0600)'
      return { what, found: true }
    }
    accessSync(file, constants.R_OK)
    return undefined
  } catch (error) {
    return { what: explainReadError(error), found: false }
  }
}

/** A socket in the usual place counts as localhost. */
function hostOf(host: string): string {
  return isUnixSocket(host) && ['/tmp', '/var/run/postgresql', '/run/postgresql'].includes(host) ? 'localhost' : host
}

/** The fields between colons; a backslash takes the next character as it is. */
function split(line: string): { readonly raw: string; readonly text: string }[] {
  const raws: string[] = ['']
  for (let i = 0; i < line.length; i += 1) {
    if (line[i] === ':' && raws.length < 5) raws.push('')
    else {
      const length = line[i] === '\\' && i + 1 < line.length ? 2 : 1
      raws[raws.length - 1] += line.slice(i, i + length)
      i += length - 1
    }
  }
  return raws.map((raw) => ({ raw, text: raw.replace(/\\(.)/gs, '$1') }))
}
