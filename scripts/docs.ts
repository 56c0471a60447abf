import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderEnvExample } from '../src/config/describe.ts'
import { renderGenerated } from './docs/tables.ts'

/** `npm run docs`: writes what the documents take from the code; a unit test fails when they differ. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')

writeFileSync(join(root, '.env.example'), renderEnvExample())
for (const document of ['README.md', 'docs/checks.md']) {
  const path = join(root, document)
  writeFileSync(path, renderGenerated(readFileSync(path, 'utf8')))
}
