import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Problem } from '../../../errors.ts'
import type { Folder } from '../layout.ts'

/** A step of Prisma 8, from one contract to the next. */
export interface Package {
  /** `<space>/<folder>`. */
  readonly name: string
  readonly space: string
  /** The hash of the contract that it begins at, `empty` for none. */
  readonly from: string
  /** The hash of the contract that it leads to. */
  readonly to: string
  readonly invariants: readonly string[]
  readonly metadata: Metadata
}

/** What migration.json holds. */
export interface Metadata {
  readonly from: string | null
  readonly to: string
  readonly migrationHash: string
  readonly providedInvariants: readonly string[]
  readonly createdAt: string
}

/** What ops.json holds; there is more in it, which counts for the hash and not for what runs. */
export interface Operation {
  readonly id: string
  readonly label: string
  readonly operationClass: string
  readonly invariantId?: string
  readonly precheck: readonly Step[]
  readonly execute: readonly Step[]
  readonly postcheck: readonly Step[]
}

/** A statement; in a check it has to give true. */
export interface Step {
  readonly description: string
  readonly sql: string
  readonly params?: readonly unknown[]
}

/** No contract yet. */
export const empty = 'empty'

/** A contract as messages call it, by the beginning of its hash. */
export function stateOf(hash: string): string {
  return hash === empty ? 'of an empty database' : hash.slice(0, 12)
}

/** A step of that name, or why prisma would not run it. */
export function readPackage(folder: Folder, name: string, shown: string): Package | Problem {
  const [manifest, file] = [`${name}/migration.json`, `${name}/ops.json`]
  const [space = ''] = name.split('/')
  const restore = 'Restore it from version control, or write both files again by running its migration.ts.'
  if (!folder.has(file)) return { what: `${join(shown, name)} has no ops.json`, next: restore }
  const metadata = readMetadata(folder.read(manifest) ?? '')
  if (!metadata) return { what: `${join(shown, manifest)} is no migration.json of prisma 8`, next: restore }
  const operations = readOperations(folder.read(file) ?? '')
  if (!operations) {
    const what = `${join(shown, file)} is no list of operations in SQL, as prisma 8 writes it for Postgres`
    return { what, next: 'Upfront runs migrations of Postgres alone. If it is one, restore it from version control.' }
  }
  const { from, to, migrationHash, providedInvariants: invariants } = metadata
  if (migrationHash.startsWith('sha256:')) {
    const what = `${join(shown, manifest)} was written before prisma 8: its hashes begin with sha256:`
    return {
      what,
      next: "Bring the folder up to date with prisma's upgrade instructions, as prisma 8 would ask for too.",
    }
  }
  const provided = [...new Set(operations.flatMap(({ invariantId }) => invariantId ?? []))].sort()
  if (hashOf(metadata, operations) !== migrationHash || provided.join('\n') !== invariants.join('\n')) {
    const what = `${join(shown, name)} was edited by hand: migration.json and ops.json do not belong together`
    return { what, next: `${restore} Prisma refuses it as well.` }
  }
  if (operations.length === 0 && /\bplaceholder\(/.test(folder.read(`${name}/migration.ts`) ?? '')) {
    const what = `${join(shown, name, 'migration.ts')} still has a placeholder, so ops.json is empty`
    return { what, next: 'Fill it in and run that file, which writes ops.json.' }
  }
  return { name, space, from: from ?? empty, to, invariants, metadata }
}

/** The metadata in a text, null when it is not what prisma takes for it. */
export function readMetadata(text: string): Metadata | null {
  const found = parse(text) as Partial<Metadata> | null
  if (found === null || typeof found !== 'object') return null
  const { from, to, migrationHash, providedInvariants, createdAt, ...more } = found
  const areTexts = [to, migrationHash, createdAt].every((one) => typeof one === 'string')
  const isFrom = from === null || (typeof from === 'string' && from !== '')
  const areInvariants = Array.isArray(providedInvariants) && providedInvariants.every((one) => typeof one === 'string')
  return areTexts && isFrom && areInvariants && Object.keys(more).length === 0 ? (found as Metadata) : null
}

/** The operations in a text, null when they are not what prisma runs on Postgres. */
export function readOperations(text: string): readonly Operation[] | null {
  const found = parse(text)
  return Array.isArray(found) && found.every(isOperation) ? found : null
}

const classes = ['additive', 'widening', 'destructive', 'data']

function isOperation(one: unknown): one is Operation {
  const { id, label, operationClass, invariantId, precheck, execute, postcheck } = (one ?? {}) as Partial<Operation>
  return (
    typeof id === 'string' &&
    typeof label === 'string' &&
    classes.includes(operationClass ?? '') &&
    (invariantId === undefined || typeof invariantId === 'string') &&
    [precheck, execute, postcheck].every((steps) => Array.isArray(steps) && steps.every(isStep))
  )
}

function isStep(one: unknown): one is Step {
  const { sql, params } = (one ?? {}) as Partial<Step>
  return typeof sql === 'string' && (params === undefined || Array.isArray(params))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}

/** What prisma calls migrationHash: of the metadata without it and of the operations, their keys sorted. */
export function hashOf(
  { from, to, providedInvariants, createdAt }: Metadata,
  operations: readonly Operation[],
): string {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const both = [{ from, to, providedInvariants, createdAt }, operations]
  return sha256(JSON.stringify(both.map((one) => sha256(JSON.stringify(sorted(one))))))
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(sorted)
  const copy = Object.create(null) as Record<string, unknown>
  for (const key of Object.keys(value).sort()) copy[key] = sorted((value as Record<string, unknown>)[key])
  return copy
}
