import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { closed, isClosed } from '../folder/closed.ts'
import type { Bundle, Format, SeedBundle } from '../migration.ts'

/** What docs/formats.md promises of a manifest.json: its first line holds all that a run with nothing to do needs. */
export const manifestFile = 'manifest.json'
export const manifestFormat = 1

export interface MigrationsHead {
  readonly format: number
  readonly digest: string
  readonly count: number
  /** Whose folder it was, when it was not one of ours. */
  readonly layout?: Format
  /** The checksum of what says which schema they make, when that was found out. */
  readonly schema?: string
  /** Whether its tool applies what is pending although a later one was applied, when its name does not say that. */
  readonly appliesLate?: boolean | undefined
}

export interface SeedsHead {
  readonly format: number
  /** By environment; '' is that of the folder alone. */
  readonly digests: Readonly<Record<string, string>>
}

/** JSON whose first line is the head and whose every further line is one entry. */
export function renderManifest(head: object, list: string, entries: readonly object[]): string {
  const start = JSON.stringify(head).slice(0, -1)
  const lines = entries.map((entry) => JSON.stringify(entry)).join(',\n')
  return `${start},"${list}":[\n${lines}${lines === '' ? '' : '\n'}]}\n`
}

/** The migrations of a compiled folder; reads one line of it, and the rest when it is asked for. */
export function openMigrations(dir: string, shown = dir): Bundle {
  const { digest, count, layout = 'plain', appliesLate } = readHead<MigrationsHead>(dir, shown)
  let reading: Promise<Pick<Bundle, 'list' | 'listRepeatable' | 'origins' | 'open' | 'openDown'>> | undefined
  const read = () => (reading ??= import('./read.ts').then(({ readMigrations }) => readMigrations(dir, shown)))
  return {
    dir: shown,
    digest,
    count,
    format: layout,
    appliesLate,
    origins: async () => (await read()).origins(),
    list: async () => (await read()).list(),
    listRepeatable: async () => (await read()).listRepeatable(),
    open: async (which) => (await read()).open(which),
    openDown: async (of) => (await read()).openDown(of),
  }
}

/** The seeds of one environment of a compiled folder; an environment without a folder has the common ones. */
export function openSeeds(dir: string, environment: string, shown = dir): SeedBundle {
  const { digests } = readHead<SeedsHead>(dir, shown)
  const spelled = [environment, environment.normalize('NFC')].find((one) => Object.hasOwn(digests, one))
  const digest = digests[spelled ?? ''] ?? ''
  let reading: Promise<Pick<SeedBundle, 'list' | 'open'>> | undefined
  const read = () => (reading ??= import('./read.ts').then(({ readSeeds }) => readSeeds(dir, shown, environment)))
  return {
    environment,
    digest,
    list: async () => (await read()).list(),
    open: async (which) => (await read()).open(which),
  }
}

const headBytes = 4096

/** The first line of a manifest; throws INVALID when it cannot be read or is of another version. */
export function readHead<Head extends { readonly format: number }>(dir: string, shown: string): Head {
  const file = openManifest(dir, shown)
  let head: Head
  try {
    let line = ''
    const buffer = Buffer.alloc(headBytes)
    for (let read = headBytes; read === headBytes && !line.includes('\n');) {
      read = readSync(file, buffer)
      line += buffer.toString('utf8', 0, read)
    }
    head = JSON.parse(`${line.split('\n', 1)[0]}]}`) as Head
    if (typeof head !== 'object' || head === null || typeof head.format !== 'number')
      throw new Error('it has no format')
  } catch (error) {
    throw broken(shown, `${manifestFile}: ${(error as Error).message}`)
  } finally {
    closeSync(file)
  }
  if (head.format === manifestFormat) return head
  throw broken(
    shown,
    `${manifestFile}: format ${head.format} is not ${manifestFormat}, which this version of upfront reads`,
  )
}

function openManifest(dir: string, shown: string): number {
  try {
    return openSync(join(dir, manifestFile), 'r')
  } catch (error) {
    throw isClosed(error) ? closed(join(shown, manifestFile), error) : error
  }
}

/** The entries of a manifest, all of it read. */
export function readEntries<Entry>(dir: string, shown: string, list: string): Entry[] {
  const path = join(dir, manifestFile)
  try {
    const entries = (JSON.parse(readFileSync(path, 'utf8')) as Record<string, Entry[]>)[list]
    if (!Array.isArray(entries)) throw new Error(`it has no ${list}`)
    return entries
  } catch (error) {
    throw broken(shown, `${manifestFile}: ${(error as Error).message}`)
  }
}

/** A bundle that is not what the compiler wrote. */
export function broken(shown: string, reason: string): Failure {
  const next = 'Compile it again, with the version of upfront that is to run it.'
  return new Failure('INVALID', `the bundle in ${shown} is damaged`, { reason, next })
}
