import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Problem } from '../errors.ts'
import { explainReadError } from './layers.ts'
import type { Layer } from './layers.ts'

/** The variables of `.env` in that folder; an empty layer when there is no such file. */
export async function readDotenv(cwd: string, problems: Problem[]): Promise<Layer> {
  const path = join(cwd, '.env')
  const layer = { label: ' (.env)', cwd } as const
  // Asked first, because in a container there is none, and an error that is thrown costs more.
  if (!existsSync(path)) return { ...layer, variables: {} }
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    problems.push({ what: `.env: ${path} ${explainReadError(error)}; expected a file of NAME=value lines` })
    return { ...layer, variables: {} }
  }
  const { parse } = await import('dotenv')
  return { ...layer, variables: parse(content.replace(/^\uFEFF/, '')) }
}
