import { closeSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { type Allowance, type Subject, judgeText } from '../checks/allowances.ts'
import type { Role } from '../checks/check-statement.ts'
import { checkStream, largestWhole, checkBeginning } from '../checks/check-stream.ts'
import type { Declared } from '../checks/declared.ts'
import { Failure, type Problem } from '../errors.ts'
import type { SqlScript } from '../migration.ts'
import { type TextLayout, textScript } from '../sql/script.ts'
import { type ChunkLayout, chunkScript } from './chunks.ts'
import { readText } from './files.ts'
import { type ForeignFile, checkUp, takeApart } from './foreign/foreign-file.ts'
import { refuseForeignMarks } from './foreign/foreign-marks.ts'
import { type TextStream, openSource, problemOfReading } from './text-stream.ts'
import { checksum } from './text.ts'

/** A SQL file to compile. */
export interface SqlSource extends Subject {
  /** Absolute. */
  readonly path: string
  /** As messages call it. */
  readonly file: string
  readonly role: Role
  /** What upfront.allow allows. */
  readonly allowances: readonly Allowance[]
  /** Set for a file of another tool, which is run as that tool runs it. */
  readonly foreign?: ForeignFile | undefined
}

/** A SQL file, compiled. */
export interface SqlFile {
  readonly checksum: string
  /** Of the text that runs, which is another one where placeholders were replaced. */
  readonly textChecksum: string
  readonly script: SqlScript
  readonly layout: TextLayout | ChunkLayout
  readonly creates: readonly string[]
  readonly notices: readonly Problem[]
  /** What is allowed when it runs. */
  readonly allow: readonly string[]
  /** Writes what runs as it is in a bundle. */
  readonly writeTo: (path: string) => void
}

export interface Compiled {
  readonly sql?: SqlFile
  /** Its part `-- upfront:down`, with empty lines for what is before it. */
  readonly section: string | null
  readonly problems: readonly Problem[]
  /** What its comments allow. */
  readonly own: readonly Allowance[]
}

/** Compiles a file of any size; a small one is read whole. */
export function compileSqlFile(source: SqlSource, declared: Declared): Compiled {
  const { path, foreign } = source
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  // What is to be taken apart is read whole, whatever its size.
  if (size <= largestWhole || foreign?.parts || foreign?.outside) return compileWhole(source, declared)
  const compiled = compileLarge(source, declared)
  // And so is a file that leaves the transaction of its own tool, because only then its units are known.
  const leaves = compiled.problems.some(({ rule }) => rule === 'transaction-control' || rule === 'alone')
  return foreign && leaves ? compileWhole(source, declared) : compiled
}

function compileWhole(source: SqlSource, declared: Declared): Compiled {
  const { path, file } = source
  const read = readText(path, file)
  if ('problem' in read) return unread([read.problem], source)
  const { up, section, identity, outside, marks } = takeApart(read.text, source)
  const { layout: found, creates, problems, notices, own, makesNames } = checkUp(source, up, outside, declared)
  const { refused, allowed, allow } = judgeText([...marks, ...problems], source, own, makesNames)
  if (refused.length > 0) return { section, problems: refused, own }
  const layout = { ...found, joinable: found.joinable && allow.length === 0 }
  const sql = {
    checksum: checksum(identity),
    textChecksum: checksum(up),
    script: textScript(() => up, layout),
    layout,
    creates,
    notices: [...notices, ...allowed],
    allow,
    writeTo: (target: string) => writeFileSync(target, up),
  }
  return { sql, section, problems: [], own }
}

function compileLarge(source: SqlSource, declared: Declared): Compiled {
  const { path, file, role } = source
  const open = () => openSource(path, role === 'migration' && source.foreign === undefined)
  let stream: TextStream | undefined
  try {
    const { own, limits, problems: atFirst } = checkBeginning(file, beginningOf(open), role)
    stream = open()
    const marks: Problem[] = []
    const read = source.role === 'migration' && !source.foreign ? lookingForMarks(stream, file, marks) : stream.read
    const { chunks, isolation, creates, problems, notices } = checkStream(file, read, role, declared)
    const section = stream.section()
    const { refused, allowed, allow } = judgeText([...atFirst, ...marks, ...problems], source, own, true)
    if (refused.length > 0) return { section, problems: refused, own }
    const sum = stream.checksum()
    const layout = { size: stream.size(), isolation, ...(limits ? { limits } : {}), chunks }
    const refuse = (reason: string) => new Failure('INVALID', `${file} has changed while upfront ran`, { reason })
    const script = chunkScript(layout, { open, read: () => readAll(open), checksum: sum, refuse })
    const writeTo = (target: string) => copy(open, target)
    const sql = {
      checksum: sum,
      textChecksum: sum,
      script,
      layout,
      creates,
      notices: [...notices, ...allowed],
      allow,
      writeTo,
    }
    return { sql, section, problems: [], own }
  } catch (error) {
    const problem = problemOfReading(file, error)
    if (problem) return unread([problem], source)
    throw error
  } finally {
    stream?.close()
  }
}

/** Reads on, and looks at what is read; a mark that two reads share is not worth holding a file back for. */
function lookingForMarks(stream: TextStream, file: string, marks: Problem[]): TextStream['read'] {
  let line = 1
  return () => {
    const chunk = stream.read()
    if (chunk === null) return null
    const text = chunk.toString('latin1')
    if (text.includes('--')) marks.push(...refuseForeignMarks(file, text, line))
    line += text.split('\n').length - 1
    return chunk
  }
}

/** The result for a file that could not be read. */
function unread(problems: readonly Problem[], source: SqlSource): Compiled {
  for (const allowance of source.allowances) allowance.used = true
  return { section: null, problems: problems.map((one) => ({ ...one, name: source.name })), own: [] }
}

/** What stands before the first statement of a file, and its part `-- upfront:down`; what lies between is not kept. */
export function readEnds(
  path: string,
  file: string,
  foreign?: ForeignFile,
): { readonly beginning: string; readonly section: string | null } | { readonly problem: Problem } {
  if (foreign?.parts) {
    const read = readText(path, file)
    return 'problem' in read ? read : { beginning: '', ...takeApart(read.text, { file, role: 'migration', foreign }) }
  }
  try {
    const stream = openSource(path, foreign === undefined)
    try {
      const beginning = stream.read()?.toString('utf8') ?? ''
      while (stream.read() !== null);
      return { beginning, section: stream.section() }
    } finally {
      stream.close()
    }
  } catch (error) {
    const problem = problemOfReading(file, error)
    if (problem) return { problem }
    throw error
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
