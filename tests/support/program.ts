// The program and the API as they ship: built in a folder of their own, because dist/ may be somebody else's.
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')
const sources = ['entrypoint.ts', 'package.json', 'tsconfig.json', 'src', 'scripts', 'README.md', 'LICENSE']

/** Copies what the program is made of, and what else is named; answers the folder, and what removes it. */
export function copyRepository(...more: readonly string[]) {
  const dir = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-copy-'))
  // Somebody else may have to start a server in it.
  fs.chmodSync(dir, 0o755)
  for (const name of [...sources, ...more]) fs.cpSync(join(root, name), join(dir, name), { recursive: true })
  fs.symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
  return { dir, remove: () => fs.rmSync(dir, { recursive: true, force: true }) }
}

/** Builds the named parts; answers the folder that has `dist/`, and what removes it. */
export async function buildProgram(...parts: readonly ('--program' | '--api')[]) {
  const copy = copyRepository()
  try {
    await promisify(execFile)(process.execPath, ['scripts/build.ts', ...parts], { cwd: copy.dir })
  } catch (error) {
    copy.remove()
    throw error
  }
  return copy
}
