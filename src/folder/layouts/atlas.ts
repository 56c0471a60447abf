import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Problem } from '../../errors.ts'
import { delimiterOf, fileDirectives } from './atlas/directives.ts'
import { type Difference, compareSum, sum } from './atlas/sum.ts'
import { groupBy } from './group-by.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'

/** `<version>[_<description>].sql` and atlas.sum, which has to agree with them. */
export const atlas: Layout = {
  format: 'atlas',
  detect: (folder) => folder.entries.includes('atlas.sum'),
  list,
}

function list(folder: Folder, shown: string): Listing {
  const problems: Problem[] = []
  const names = folder.entries.filter((name) => name.endsWith('.sql'))
  const files = names.map((name) => ({ name, bytes: readBytes(join(folder.dir, name)) }))
  const summed = sum(files)
  const difference = compareSum(folder.read('atlas.sum') ?? '', summed)
  if (difference) problems.push(refuseDifference(difference, shown))
  for (const { name, bytes } of files)
    if (fileDirectives(bytes.toString('utf8').replaceAll('\r\n', '\n')).some((one) => one.name === 'checkpoint'))
      problems.push({
        what: `${join(shown, name)} is a checkpoint of atlas, which stands for all files before it`,
        next: 'Upfront runs every file: remove it (atlas migrate rm), or let atlas run this folder.',
      })
  for (const [version, same] of groupBy(names, versionOf))
    if (same.length > 1)
      problems.push({
        what: `${same.length} files have the version ${version}: ${same.map((name) => join(shown, name)).join(' and ')}`,
        next: 'Atlas has one row for each version: give each file another one, and hash the folder again.',
      })
  const migrations = summed.map(({ name, hash }): SourceMigration => ({
    name: name.slice(0, -'.sql'.length).normalize('NFC'),
    file: name,
    kind: 'sql',
    downFile: null,
    parts: (text) => parts(text, hash !== null),
    origin: () => ({ key: versionOf(name), hashes: hash === null ? [] : [hash, `h1:${hash}`] }),
  }))
  return { migrations, problems }
}

/** The bytes as they are, because atlas hashes them so; nothing for a file that is told to be unreadable elsewhere. */
function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}

function versionOf(name: string): string {
  return name.slice(0, -'.sql'.length).split('_', 1)[0]!
}

function refuseDifference(difference: Difference, shown: string): Problem {
  const file = join(shown, 'atlas.sum')
  const next = 'Atlas refuses that too: put it back, or hash the folder again (atlas migrate hash).'
  switch (difference.reason) {
    case 'unreadable':
      return { what: `${file} has a line that is no checksum`, next }
    case 'inconsistent':
      return { what: `${file} is inconsistent: its first line is not the checksum of the others`, next }
    case 'added':
      return { what: `${join(shown, difference.name)} is not in atlas.sum, or not in this place`, next }
    case 'edited':
      return { what: `${join(shown, difference.name)} is not what atlas.sum says: it was edited`, next }
    case 'removed':
      return { what: `${join(shown, difference.name)} is in atlas.sum, and not in the folder`, next }
  }
}

/** What a Go template does; an array of Postgres (`'{{1,2}}'`) does not. */
const template = /\{\{-?\s*((template|define|block|with|if|range|printf)\s+[^\s,}]|(end|else)\s*-?\}\}|[.$][A-Za-z_])/

function parts(text: string, isSummed: boolean): Parts {
  const problems: { line: number; what: string; next: string }[] = []
  const directives = fileDirectives(text)
  const modes = directives.filter(({ name }) => name === 'txmode')
  const [mode] = modes
  if (mode && (modes.length > 1 || !['none', 'file'].includes(mode.value)))
    problems.push({
      line: modes.at(-1)!.line,
      what: modes.length > 1 ? 'several txmodes in one file' : `a file has no txmode ${mode.value}`,
      next: 'Atlas refuses that too: write none or file, once.',
    })
  const action = template.exec(text)
  if (action)
    problems.push({
      line: text.slice(0, action.index).split('\n').length,
      what: 'the file is a template of atlas',
      next: 'Upfront does not fill templates in: write what atlas makes of it into this folder.',
    })
  const delimiter = delimiterOf(text)
  if (delimiter !== undefined && delimiter !== ';')
    problems.push({
      line: 1,
      what: `the delimiter is ${delimiter}, not a semicolon`,
      next: 'Upfront separates statements as Postgres does: end them with semicolons, in a new file.',
    })
  const archive = directives.find(({ name }) => name === 'txtar')
  if (archive)
    problems.push({
      line: archive.line,
      what: 'the file is an archive (txtar), with checks that run before it',
      next: 'Upfront does not run the checks of atlas: write the migration alone, or let atlas run it.',
    })
  if (!isSummed)
    problems.push({
      line: 1,
      what: 'the file is left out of atlas.sum',
      next: 'Atlas runs nothing without a checksum: remove the line, and hash the folder again (atlas migrate hash).',
    })
  return { up: text, down: null, outside: mode?.value === 'none', problems }
}
