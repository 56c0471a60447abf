import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Problem } from '../errors.ts'
import { explainReadError } from './layers.ts'
import type { Layer } from './layers.ts'

/** The variables of `.env` in that folder; an empty layer when there is no such file. */
export async function readDotenv(cwd: string, problems: Problem[]): Promise<Layer> {
  const path = join(cwd, '.env')
  const layer = { label: ' (.env)', cwd } as const
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (!absent)
      problems.push({ what: `.env: ${path} ${explainReadError(error)}; expected a file of NAME=value lines` })
    return { ...layer, variables: {} }
  }
  // Imported only here, because in a container there is no such file.
  const { parse } = await import('dotenv')
  return { ...layer, variables: parse(content.replace(/^\uFEFF/, '')) }
}
