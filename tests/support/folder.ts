import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

/** A folder of its own for each test of a file. */
export interface TestFolder {
  readonly dir: string
  /** Writes files by their paths below it. */
  files(files: Readonly<Record<string, string>>): void
  read(name: string): string
}

/** Makes that folder before each test and removes it after. */
export function folderForEachTest(): TestFolder {
  let dir = ''
  beforeEach(() => {
    dir = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'upfront-test-'))
  })
  afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))
  return {
    get dir() {
      return dir
    },
    files(files) {
      for (const [name, text] of Object.entries(files)) {
        fs.mkdirSync(dirname(join(dir, name)), { recursive: true })
        fs.writeFileSync(join(dir, name), text)
      }
    },
    read: (name) => fs.readFileSync(join(dir, name), 'utf8'),
  }
}
