// What every layout has to do, whosever folder it reads.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bearsNoMark } from '../../../../src/folder/foreign/no-marks.ts'
import { viewFolder } from '../../../../src/folder/layouts/folder-view.ts'
import type { Folder, Layout } from '../../../../src/folder/layouts/layout.ts'

export interface Example {
  /** A folder of the tool with at least two migrations, by paths. */
  readonly files: Readonly<Record<string, string>>
  /** The names of its migrations, in the tool's order. */
  readonly names: readonly string[]
  /** How the tool's history calls them. */
  readonly keys: readonly string[]
  /** A file that the tool does not take for a migration, and its content. */
  readonly stranger: readonly [path: string, text: string]
  /** Set where the tool's files are no SQL, so that what runs is not what stands at its line. */
  readonly isGenerated?: true
}

/** Runs `use` with a folder of such files; nothing of it is left afterwards. */
export function withFolder<T>(files: Example['files'], use: (folder: Folder) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'upfront-layout-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), text)
    }
    return use(viewFolder(dir))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A folder without any mark: it belongs to nobody but us. */
const plain = { '0001_users.sql': 'create table users (id int);\n', '0002_orders.sql': 'select 1;\n' }

/** The contract of a layout. */
export function describeLayout(layout: Layout, { files, names, keys, stranger, isGenerated }: Example): void {
  describe(`a folder of ${layout.format}`, () => {
    test('is recognised, and a plain one is not', () => {
      expect(withFolder(files, layout.detect)).toBe(true)
      expect(withFolder(plain, layout.detect)).toBe(false)
      expect(withFolder({}, layout.detect)).toBe(false)
    })

    test('is never taken for ours at a look, whatever stands beside it', () => {
      expect(withFolder(files, bearsNoMark)).toBe(false)
      const mixed = withFolder({ ...plain, ...files }, (folder) => [layout.detect(folder), bearsNoMark(folder)])
      expect(mixed).not.toEqual([true, true])
      expect(withFolder(plain, bearsNoMark)).toBe(true)
    })

    test('has its migrations in their order, under names that are paths below a folder', () => {
      const { migrations, problems } = withFolder(files, (folder) => layout.list(folder, 'migrations'))
      expect(problems).toEqual([])
      expect(migrations.map(({ name }) => name)).toEqual(names)
      expect(names.length).toBeGreaterThan(1)
      for (const { name } of migrations) expect(name).toMatch(/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\\]+$/)
    })

    test('is traced to the history of the tool', () => {
      const found = withFolder(files, (folder) =>
        layout.list(folder, 'migrations').migrations.map(({ file, origin }) => origin?.(Buffer.from(files[file]!)).key),
      )
      expect(found).toEqual(keys)
    })

    test('says what it does with lines that Windows has ended', () => {
      withFolder(files, (folder) => {
        for (const { file, origin, parts } of layout.list(folder, 'migrations').migrations) {
          const text = files[file]!
          const [unix, windows] = [text, text.replaceAll('\n', '\r\n')].map((one) => origin!(Buffer.from(one)))
          expect(windows!.key).toBe(unix!.key)
          for (const hash of windows!.hashes.filter(() => unix!.hashes.length > 0)) expect(hash).not.toBe('')
          expect(unix!.hashes.some((hash) => windows!.hashes.includes(hash)) || unix!.hashes.length === 0).toBe(true)
          if (parts) expect(parts(text).up.split('\n').length).toBeLessThanOrEqual(text.split('\n').length)
        }
      })
    })

    if (!isGenerated)
      test('keeps every statement at its line', () => {
        withFolder(files, (folder) => {
          for (const { file, parts } of layout.list(folder, 'migrations').migrations) {
            const lines = files[file]!.split('\n')
            const found = parts?.(files[file]!)
            for (const part of [found?.up, found?.down])
              for (const [i, line] of (part ?? '').split('\n').entries())
                if (line.trim() !== '' && !line.trim().startsWith('--')) expect(lines[i]).toContain(line.trim())
          }
        })
      })

    test('passes over what the tool passes over', () => {
      const [path, text] = stranger
      const { migrations } = withFolder({ ...files, [path]: text }, (folder) => layout.list(folder, 'migrations'))
      expect(migrations.map(({ name }) => name)).toEqual(names)
    })
  })
}
