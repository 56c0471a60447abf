import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Problem } from '../../errors.ts'
import type { Origin } from '../../migration.ts'
import { replacePlaceholders } from '../foreign/placeholders.ts'
import { type Named, readName } from './flyway/file-name.ts'
import { readScriptConfig } from './flyway/script-config.ts'
import { type Version, compareVersions } from './flyway/version.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from './layout.ts'

/** `V<version>__<description>.sql` in the folder and below it, with `U...` as the down and `R__...` as repeatable. */
export const flyway: Layout = {
  format: 'flyway',
  leavesTransactions: true,
  // One such file among others is a mistake in a folder of ours, which must not be passed over for its sake.
  detect: (folder) =>
    !folder.entries.some((name) => /^\d.*\.sql$/i.test(name)) &&
    filesIn(folder).some((path) => /(^|\/)(V\d[^/]*|R)__[^/]*\.sql$/i.test(path) && found(path)),
  list,
}

interface Found {
  readonly path: string
  readonly named: Named
}

function found(path: string): Found | null {
  const named = readName(path.slice(path.lastIndexOf('/') + 1))
  return named && { path, named }
}

function list(folder: Folder, shown: string): Listing {
  const problems: Problem[] = []
  const notices: Problem[] = []
  const files = filesIn(folder).flatMap((path): Found | [] => {
    const one = found(path)
    if (!one && /\.sql$/i.test(path)) notices.push(passedOver(join(shown, path), 'is not named as flyway names files'))
    return one ?? []
  })
  const undos = new Map<string, string>()
  for (const { path, named } of files)
    if (named.kind === 'undo') addUnique(undos, keyOf(named.version), path, { shown, problems, what: 'undo version' })
  const migrations: { readonly source: SourceMigration; readonly version: Version }[] = []
  const repeatable: { readonly source: SourceMigration; readonly description: string }[] = []
  const seen = new Map<string, string>()
  for (const { path, named } of files) {
    if (named.kind === 'callback' || named.kind === 'program') tellUnrun(join(shown, path), named, problems, notices)
    if (named.kind !== 'migration' && named.kind !== 'repeatable') continue
    const config = readScriptConfig(folder.read(`${path}.conf`), join(shown, `${path}.conf`))
    problems.push(...config.problems)
    if (!config.isExecuted) {
      notices.push(passedOver(join(shown, path), `has shouldExecute=false in ${path}.conf`))
      continue
    }
    const key = named.kind === 'migration' ? keyOf(named.version) : named.description
    const what = named.kind === 'migration' ? 'version' : 'description'
    if (!addUnique(seen, `${what} ${key}`, path, { shown, problems, what: '' })) continue
    const isAgain = named.kind === 'repeatable'
    const source: SourceMigration = {
      name: path.replace(/\.sql$/i, '').normalize('NFC'),
      file: path,
      kind: 'sql',
      downFile: named.kind === 'migration' ? (undos.get(key) ?? null) : null,
      ...(config.outside ? { outside: true } : {}),
      ...(config.replacesPlaceholders
        ? { parts: (text) => parts(text, config.outside, isAgain, folder.placeholders) }
        : {}),
      origin: (bytes) => origin(key, bytes, isAgain ? folder.placeholders : new Map()),
    }
    if (named.kind === 'migration') migrations.push({ source, version: named.version })
    else repeatable.push({ source, description: named.description })
  }
  tellBaselines(files, shown, problems, notices)
  return {
    migrations: migrations.sort((a, b) => compareVersions(a.version, b.version)).map(({ source }) => source),
    problems,
    notices,
    repeatable: repeatable.sort((a, b) => (a.description < b.description ? -1 : 1)).map(({ source }) => source),
  }
}

function keyOf(version: Version): string {
  return version.join('.')
}

/** Flyway's checksum: the CRC-32 of all lines without their ends, as the signed number that its table holds. */
function origin(key: string, bytes: Buffer, values: ReadonlyMap<string, string>): Origin {
  const text = (bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes).toString('utf8')
  // Of a repeatable one flyway keeps that of the replaced text, and takes the other for the same.
  const texts = new Set([replacePlaceholders(text, values).text, text])
  return { key, hashes: [...texts].map((one) => String(crc32(one.replace(/[\r\n]/g, '')) | 0)) }
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

function parts(text: string, outside: boolean, isAgain: boolean, values: ReadonlyMap<string, string>): Parts {
  const { text: up, missing } = replacePlaceholders(text, values)
  const problems = missing.map(({ name, line }) => ({
    line,
    what: `the placeholder \${${name}} has no value`,
    next: `Set UPFRONT_PLACEHOLDER_${name}, or placeholderReplacement=false in a .conf file beside the migration.`,
  }))
  // Another value is another content of what runs whenever its content has changed.
  return { up, ...(isAgain ? {} : { identity: text }), down: null, outside, problems }
}

/** Says what is wrong when another file has the key already, as flyway does. */
function addUnique(
  known: Map<string, string>,
  key: string,
  path: string,
  { shown, problems, what }: { readonly shown: string; readonly problems: Problem[]; readonly what: string },
): boolean {
  const other = known.get(key)
  if (other === undefined) return !!known.set(key, path)
  const id = `${what} ${key}`.trim()
  problems.push({
    what: `two files have the ${id}: ${join(shown, other)} and ${join(shown, path)}`,
    next: 'Flyway refuses that too: rename or remove one of them.',
  })
  return false
}

function passedOver(file: string, why: string): Problem {
  return { what: `${file} ${why}: it is passed over, as by flyway` }
}

/** What flyway would run and Upfront cannot. */
function tellUnrun(file: string, named: Named, problems: Problem[], notices: Problem[]): void {
  if (named.kind === 'program')
    problems.push({
      what: `${file} is a migration that is no SQL, which Upfront cannot run`,
      next: 'Write it in SQL, or run this folder with flyway itself.',
    })
  if (named.kind !== 'callback') return
  if (named.migrating)
    problems.push({
      what: `${file} is a callback of flyway (${named.event}), which Upfront does not run`,
      next: 'Move what it does into a migration, and the file out of this folder.',
    })
  else notices.push({ what: `${file} is a callback (${named.event}) of another command than migrate: passed over` })
}

/** Baseline migrations stand for the versions up to theirs, which have to be there to be run in their place. */
function tellBaselines(files: readonly Found[], shown: string, problems: Problem[], notices: Problem[]): void {
  for (const { path, named } of files) {
    if (named.kind !== 'baseline') continue
    const isCovered = files.some(
      (other) => other.named.kind === 'migration' && compareVersions(other.named.version, named.version) <= 0,
    )
    const what = `${join(shown, path)} is a baseline migration`
    if (isCovered) notices.push({ what: `${what}: passed over, because the versions up to it are here` })
    else
      problems.push({
        what: `${what}, and the versions that it stands for are not here`,
        next: 'Upfront does not run baseline migrations: put the V files back, or rename this one to V.',
      })
  }
}

/** Every file by its path, folder by folder. */
function filesIn(folder: Folder, below = '', seen: ReadonlySet<string> = new Set()): readonly string[] {
  // A link may lead back to where it is.
  const here = realpathSync(join(folder.dir, below))
  if (seen.has(here)) return []
  const inside = new Set([...seen, here])
  return folder.entriesOf(below).flatMap((name) => {
    if (name === 'node_modules/') return []
    return name.endsWith('/') ? filesIn(folder, `${below}${name}`, inside) : `${below}${name}`
  })
}
