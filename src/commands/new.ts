import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { manifestFile } from '../bundle/manifest.ts'
import { Failure } from '../errors.ts'
import { chooseLayout, isForeign } from '../folder/layouts/choose.ts'
import { viewFolder } from '../folder/layouts/folder-view.ts'
import { plain } from '../folder/layouts/plain.ts'
import { compareNames, parseName } from '../folder/names.ts'
import type { Run } from '../run/run.ts'

/** Makes the next migration with its down: a timestamp or the next number, whichever the folder uses. */
export async function newMigration(run: Run): Promise<number> {
  const words = (run.operands[0] ?? '')
    .normalize('NFC')
    .trim()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
  if (words === '') throw new Failure('USAGE', 'the new migration has no name', { next: 'upfront new add_users' })
  const dir = run.config.migrationsDir
  if (existsSync(join(dir, manifestFile))) {
    throw new Failure('USAGE', `${dir} holds compiled migrations`, {
      next: 'Name the folder of their sources: --migrations-dir.',
    })
  }
  const layout = existsSync(dir) ? chooseLayout(viewFolder(dir), run.config.format, dir) : plain
  const { format } = layout
  if (isForeign(layout)) {
    throw new Failure('USAGE', `${dir} is a folder of ${format}, which makes its migrations itself`, {
      next: `Make it with ${format}; upfront runs it as it is.`,
    })
  }
  try {
    mkdirSync(dir, { recursive: true })
    const name = `${nextVersion(readdirSync(dir), new Date())}_${words}`
    const up = join(dir, `${name}.sql`)
    const down = join(dir, `${name}.down.sql`)
    writeFileSync(up, `-- What ${name} does.\n`, { flag: 'wx' })
    writeFileSync(down, `-- Takes ${name} back.\n`, { flag: 'wx' })
    run.answer(`${up}\n${down}`)
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error
    const facts = { reason: (error as Error).message, next: 'Choose another name, or a folder that can be written.' }
    throw new Failure('USAGE', `the migration could not be written to ${dir}`, facts, error)
  }
  return 0
}

/** What comes after the versions in a folder: 14 digits are followed by the time, numbers by the next, as wide. */
export function nextVersion(files: readonly string[], now: Date): string {
  const last = files
    .flatMap((file) => parseName(file.replace(/\..*$/, '')) ?? [])
    .sort(compareNames)
    .at(-1)
  if (!last) return '0001'
  const digits = /^\d+/.exec(last.name)![0]
  if (digits.length < 14) return String(last.version + 1n).padStart(digits.length, '0')
  const time = now.toISOString().replace(/\D/g, '').slice(0, digits.length).padEnd(digits.length, '0')
  // Two in one second, or a clock that was ahead: the new one still comes last.
  return BigInt(time) > last.version ? time : String(last.version + 1n)
}
