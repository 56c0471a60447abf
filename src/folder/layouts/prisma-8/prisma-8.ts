import { join } from 'node:path'
import type { Problem } from '../../../errors.ts'
import type { Origin } from '../../../migration.ts'
import type { Folder, Layout, Listing, Parts, SourceMigration } from '../layout.ts'
import { linesOf, operationSql } from './operation-sql.ts'
import { type Package, hashOf, readOperations, readPackage, stateOf } from './package.ts'
import { wayThrough } from './way.ts'

/**
 * Prisma 8: `<space>/<stamp>_<slug>/{migration.json,ops.json}`, each a step from one contract to the next. Those of
 * extensions run first, by the names of their spaces, and the application's own last.
 */
export const prisma8: Layout = {
  format: 'prisma-8',
  detect: (folder) =>
    spacesOf(folder).some((space) =>
      folder.entriesOf(`${space}/`).some((entry) => folder.has(`${space}/${entry}ops.json`)),
    ),
  list: (folder, shown) => {
    const found = spacesOf(folder).map((space) => listSpace(folder, space, shown))
    const all = <What>(pick: (listing: Listing) => readonly What[] | undefined) =>
      found.flatMap((one) => pick(one) ?? [])
    return {
      migrations: all(({ migrations }) => migrations),
      problems: all(({ problems }) => problems),
      notices: all(({ notices }) => notices),
    }
  },
}

const application = 'app'

/** Snapshots of contracts and named pointers to them stand beside the spaces; other names prisma does not look at. */
function spacesOf(folder: Folder): readonly string[] {
  const names = folder.entries
    .filter((entry) => entry.endsWith('/') && !folder.has(`${entry}migration.json`))
    .map((entry) => entry.slice(0, -1))
    .filter((name) => /^[a-z][a-z0-9_-]{0,63}$/.test(name) && name !== 'refs' && name !== 'snapshots')
  const extensions = names.filter((name) => name !== application).sort()
  return names.includes(application) ? [...extensions, application] : extensions
}

function listSpace(folder: Folder, space: string, shown: string): Listing {
  const problems: Problem[] = []
  const packages = folder.entriesOf(`${space}/`).flatMap((entry): Package | [] => {
    if (!entry.endsWith('/') || !folder.has(`${space}/${entry}migration.json`)) {
      if (folder.has(`${space}/${entry}ops.json`)) problems.push(withoutManifest(join(shown, space, entry)))
      return []
    }
    const read = readPackage(folder, `${space}/${entry.slice(0, -1)}`, shown)
    if ('metadata' in read) return read
    problems.push(read)
    return []
  })
  // A step that cannot be read would make a gap of the way, and a second message of one mistake.
  if (problems.length > 0) return { migrations: [], problems }
  const way = wayThrough(packages, shown)
  if ('what' in way) return { migrations: [], problems: [way] }
  if (space === application) return { migrations: way.map(toSource), problems: [] }
  return untilHead(folder, { space, way, shown })
}

function withoutManifest(path: string): Problem {
  return { what: `${path} has no migration.json`, next: 'Restore the file, or remove the folder.' }
}

interface Way {
  readonly space: string
  readonly way: readonly Package[]
  readonly shown: string
}

/** The way of an extension ends where its refs/head.json says; of the application prisma asks its contract. */
function untilHead(folder: Folder, { space, way, shown }: Way): Listing {
  const file = `${space}/refs/head.json`
  const head = readHead(folder.read(file))
  if (way.length === 0) return { migrations: [], problems: [] }
  const next = 'Restore it from version control: prisma refuses this as well.'
  if (!head)
    return { migrations: [], problems: [{ what: `${join(shown, file)} does not say where the way ends`, next }] }
  const end = way.findIndex(({ to }) => to === head.hash)
  if (end === -1) {
    const what = `${join(shown, file)} names the contract ${stateOf(head.hash)}, to which no migration of ${space} leads`
    return { migrations: [], problems: [{ what, next }] }
  }
  const taken = way.slice(0, end + 1)
  const provided = new Set(taken.flatMap(({ invariants }) => invariants))
  const missing = head.invariants.filter((one) => !provided.has(one))
  const problems = missing.map((one) => ({
    what: `${join(shown, file)} asks for ${one}, which no migration up to that contract provides`,
    next,
  }))
  const notices = way.slice(end + 1).map(({ name }) => ({
    what: `${name} leads on from the contract that ${join(shown, file)} names, so prisma passes it over, and so does upfront`,
    next: 'Let head.json name the contract that it leads to, or remove it.',
  }))
  return { migrations: taken.map(toSource), problems, notices }
}

function readHead(text: string | null): { readonly hash: string; readonly invariants: readonly string[] } | null {
  try {
    const { hash, invariants } = JSON.parse(text ?? '') as { readonly hash?: unknown; readonly invariants?: unknown }
    const areTexts = Array.isArray(invariants) && invariants.every((one) => typeof one === 'string')
    return typeof hash === 'string' && areTexts ? { hash, invariants: invariants as string[] } : null
  } catch {
    return null
  }
}

/** Identified by the hash that prisma gives it, which is of what both files say and of no white space. */
function toSource({ name, to, space, metadata }: Package): SourceMigration {
  const hashes = (text: string) => {
    const operations = readOperations(text)
    return operations ? [hashOf(metadata, operations)] : []
  }
  const origin = (bytes: Buffer): Origin => ({ key: `${space}/${to}`, hashes: hashes(bytes.toString('utf8')) })
  const parts = (text: string): Parts => {
    const operations = readOperations(text) ?? []
    const lines = text.split('\n').map(() => '')
    const starts = linesOf(text, operations.length)
    for (const [i, operation] of operations.entries()) lines[starts[i]!] += operationSql(operation)
    return { up: lines.join('\n'), identity: hashes(text)[0] ?? text, down: null, outside: false, problems: [] }
  }
  return { name, file: `${name}/ops.json`, kind: 'sql', downFile: null, parts, origin }
}
