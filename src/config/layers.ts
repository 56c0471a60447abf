import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import type { Problem } from '../errors.ts'

/** One place that variables come from: the environment, or `.env`. */
export interface Layer {
  /** Put behind a variable's name in messages: empty, or ` (.env)`. */
  readonly label: '' | ' (.env)'
  readonly variables: Readonly<Record<string, string | undefined>>
  /** What a relative path in an X_FILE starts from. */
  readonly cwd: string
}

/** A variable's value, and the name it really came from: `DATABASE_URL`, `DATABASE_URL_FILE (.env)`. */
export interface Found {
  readonly value: string
  readonly source: string
}

/** Whether a layer sets X or X_FILE; an empty variable counts as unset, since compose passes empty ones. */
export function isSet(layer: Layer, name: string): boolean {
  return text(layer, name) !== undefined || text(layer, `${name}_FILE`) !== undefined
}

/** X, or what the file named by X_FILE holds without its trailing newlines; what is wrong is added to `problems`. */
export function readVariable(layer: Layer, name: string, problems: Problem[]): Found | undefined {
  const twin = `${name}_FILE`
  const value = text(layer, name)
  const path = text(layer, twin)
  if (path === undefined) return value === undefined ? undefined : { value, source: name + layer.label }
  if (value !== undefined) {
    problems.push({ what: `${name} and ${twin}${layer.label}: both are set; expected only one of them` })
    return undefined
  }
  const content = readSecret(resolve(layer.cwd, path))
  if ('value' in content) return { value: content.value, source: twin + layer.label }
  problems.push({ what: `${twin}${layer.label}: ${path} ${content.problem}; expected a file that holds the value` })
  return undefined
}

function readSecret(path: string): { readonly value: string } | { readonly problem: string } {
  try {
    const value = readFileSync(path, 'utf8').replace(/(\r?\n)+$/, '')
    return value === '' ? { problem: 'is empty' } : { value }
  } catch (error) {
    return { problem: explainReadError(error) }
  }
}

/** Why a file could not be read, to put after its path. */
export function explainReadError(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist'
  if (code === 'EISDIR') return 'is a directory'
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user'
  return `cannot be read (${code ?? String(error)})`
}

function text(layer: Layer, name: string): string | undefined {
  const value = layer.variables[name]
  return value === '' ? undefined : value
}
