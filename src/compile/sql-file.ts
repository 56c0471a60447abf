import { closeSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { Failure, type Problem } from '../errors.ts'
import type { SqlScript } from '../migrations/migration.ts'
import type { Catalog } from './catalog.ts'
import { checkSql } from './check.ts'
import { refuseEncoding } from './checks/encoding.ts'
import { splitDown } from './down.ts'
import { largeScript } from './entries.ts'
import { readText, unreadable } from './files.ts'
import type { Role } from './inspect.ts'
import { checkStream, largestWhole, checkBeginning } from './large.ts'
import { type PackedScript, packLayout } from './packed-script.ts'
import { textScript } from './script.ts'
import { EncodingError, type TextStream, openSource } from './stream.ts'
import { checksum } from './text.ts'

/** A SQL file, compiled. */
export interface SqlFile {
  readonly checksum: string
  readonly script: SqlScript
  readonly packed: PackedScript
  readonly creates: readonly string[]
  readonly notices: readonly Problem[]
  /** Writes what runs as it is in a bundle. */
  readonly writeTo: (path: string) => void
}

export interface Compiled {
  readonly sql?: SqlFile
  /** Its part `-- upfront:down`, with empty lines for what is before it. */
  readonly section: string | null
  readonly problems: readonly Problem[]
}

/** Compiles a file of any size; a small one is read whole. */
export function compileSqlFile(path: string, file: string, role: Role, catalog: Catalog): Compiled {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  return size > largestWhole ? compileLarge(path, file, role, catalog) : compileWhole(path, file, role, catalog)
}

function compileWhole(path: string, file: string, role: Role, catalog: Catalog): Compiled {
  const read = readText(path, file)
  if ('problem' in read) return { section: null, problems: [read.problem] }
  const { up, section } = role === 'migration' ? splitDown(read.text) : { up: read.text, section: null }
  const { layout, creates, problems, notices } = checkSql(file, up, role, catalog)
  if (problems.length > 0) return { section, problems }
  const sql = {
    checksum: checksum(up),
    script: textScript(() => up, layout),
    packed: packLayout(layout),
    creates,
    notices,
    writeTo: (target: string) => writeFileSync(target, up),
  }
  return { sql, section, problems }
}

function compileLarge(path: string, file: string, role: Role, catalog: Catalog): Compiled {
  const open = () => openSource(path, role === 'migration')
  let stream: TextStream | undefined
  try {
    const beginning = checkBeginning(file, beginningOf(open), role)
    stream = open()
    const { pieces, isolation, creates, problems, notices } = checkStream(file, stream, role, catalog)
    const section = stream.section()
    if (beginning.length + problems.length > 0) return { section, problems: [...beginning, ...problems] }
    const sum = stream.checksum()
    const size = stream.size()
    const refuse = (reason: string) => new Failure('INVALID', `${file} has changed while upfront ran`, { reason })
    const script = largeScript({ size, isolation, pieces, read: () => readAll(open), verify: sum, open, refuse })
    const writeTo = (target: string) => copy(open, target)
    const sql = { checksum: sum, script, packed: { size, isolation, pieces }, creates, notices, writeTo }
    return { sql, section, problems: [] }
  } catch (error) {
    if (error instanceof EncodingError)
      return { section: null, problems: [refuseEncoding(error.message, { file, ...error.place, text: '' })] }
    if ((error as NodeJS.ErrnoException).syscall !== undefined)
      return { section: null, problems: [unreadable(file, error)] }
    throw error
  } finally {
    stream?.close()
  }
}

function beginningOf(open: () => TextStream): string {
  const stream = open()
  try {
    return stream.read()?.toString('utf8') ?? ''
  } finally {
    stream.close()
  }
}

function readAll(open: () => TextStream): string {
  const stream = open()
  try {
    const chunks: Buffer[] = []
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks).toString('utf8')
  } finally {
    stream.close()
  }
}

function copy(open: () => TextStream, target: string): void {
  const stream = open()
  const file = openSync(target, 'w')
  try {
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) writeSync(file, chunk)
  } finally {
    closeSync(file)
    stream.close()
  }
}
