import { nearest } from '../../config/nearest.ts'
import { Failure } from '../../errors.ts'
import { bareName } from '../../folder/bare-name.ts'
import type { Identity, Kind } from '../../migration.ts'
import type { HistoryRow } from '../rows.ts'

/** What a name that was typed stands for: a row of the history, a file, or both. */
export interface Named {
  readonly kind: Kind
  readonly name: string
  /** As one would type it again: a seed with `seed:` before it. */
  readonly subject: string
  readonly row: HistoryRow | undefined
  /** Undefined for a seed, and for a file that is gone. */
  readonly file: Identity | undefined
}

const seedPrefix = 'seed:'

/** What a word may name: a seed, a migration. */
function readingsOf(word: string) {
  const typed = word.startsWith(seedPrefix) ? word.slice(seedPrefix.length) : word
  return { typed, ofSeed: [typed, typed.replace(/^(.*\/)?seeds\//, '')], ofMigration: [typed, bareName(typed)] }
}

/** The subjects under which an earlier repair may have recorded what this word names, when it is gone. */
export function subjectsOf(word: string): string[] {
  const { typed, ofSeed, ofMigration } = readingsOf(word)
  const subjects = [...ofSeed.map((name) => seedPrefix + name), ...(word === typed ? ofMigration : [])]
  return subjects.flatMap((subject) => [subject, subject.normalize('NFC'), subject.normalize('NFD')])
}

/** Finds it with or without its folder and its extension, in either of Unicode's spellings; undefined for none. */
export function findNamed(
  word: string,
  rows: readonly HistoryRow[],
  files: readonly Identity[],
  repeatable: readonly Identity[] = [],
): Named | undefined {
  const { typed, ofSeed, ofMigration } = readingsOf(word)
  const seed = find(
    rows.filter(({ kind }) => kind === 'seed'),
    ofSeed,
  )
  const again = find(
    rows.filter(({ kind }) => kind === 'repeatable'),
    [typed],
  )
  const source = find(repeatable, [typed])
  const name = again?.name ?? source?.name
  if (name !== undefined) return { kind: 'repeatable', name, subject: name, row: again, file: source }
  const row = find(
    rows.filter(({ kind }) => kind === 'migration'),
    ofMigration,
  )
  const file = find(files, ofMigration)
  const isMigration = word === typed && (row !== undefined || file !== undefined)
  if (seed && isMigration) throw ambiguous(word, seed.name, row?.name ?? file!.name)
  if (seed) return { kind: 'seed', name: seed.name, subject: seedPrefix + seed.name, row: seed, file: undefined }
  if (!isMigration) return undefined
  const found = file?.name ?? row!.name
  return { kind: 'migration', name: found, subject: found, row, file }
}

function find<T extends { readonly name: string }>(all: readonly T[], words: readonly string[]): T | undefined {
  const composed = words.map((word) => word.normalize('NFC'))
  return (
    all.find(({ name }) => words.includes(name)) ?? all.find(({ name }) => composed.includes(name.normalize('NFC')))
  )
}

/** USAGE with the nearest name that there is. */
export function noSuchName(
  word: string,
  rows: readonly HistoryRow[],
  files: readonly Identity[],
  dir: string,
): Failure {
  const seeds = rows.filter(({ kind }) => kind === 'seed').map(({ name }) => name)
  const names = [...new Set([...rows, ...files].map(({ name }) => name))].flatMap((name) =>
    seeds.includes(name) ? [name, seedPrefix + name] : [name],
  )
  const meant = nearest(word, names) ?? names.find((name) => name.startsWith(word))
  return new Failure('USAGE', `neither the history nor ${dir} has ${word}`, {
    next: meant ? `Did you mean ${meant}?` : 'upfront status lists what there is.',
  })
}

function ambiguous(word: string, seed: string, migration: string): Failure {
  return new Failure('USAGE', `${word} is a seed and a migration`, {
    next: `Say which: ${seedPrefix}${seed}, or ${migration} without an extension.`,
  })
}
