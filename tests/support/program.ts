// The program and the API as they ship: built in a folder of their own, because dist/ may be somebody else's.
import { execFile } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../..')
const sources = ['entrypoint.ts', 'package.json', 'tsconfig.json', 'src', 'scripts', 'README.md', 'LICENSE']

/** Builds the named parts; answers the folder that has `dist/`, and what removes it. */
export async function buildProgram(...parts: readonly ('--program' | '--api')[]) {
  const dir = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-build-'))
  const remove = () => fs.rmSync(dir, { recursive: true, force: true })
  try {
    for (const name of sources) fs.cpSync(join(root, name), join(dir, name), { recursive: true })
    fs.symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'))
    await promisify(execFile)(process.execPath, ['scripts/build.ts', ...parts], { cwd: dir })
  } catch (error) {
    remove()
    throw error
  }
  return { dir, remove }
}
