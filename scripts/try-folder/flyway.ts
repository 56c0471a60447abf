import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findSegments } from '../../src/sql/segments.ts'
import { entriesOf, stepOf, type Step, type Values } from './step.ts'

/** Flyway looks for these at the beginning of each statement, and takes no transaction for a file that has one. */
const alone = [
  /^(create|drop)\s+(database|tablespace|subscription)\b/i,
  /^alter\s+system\b/i,
  /^(create|drop)(\s+unique)?\s+index\s+concurrently\b/i,
  /^reindex(\s+verbose)?\s+(schema|database|system)\b/i,
  /^vacuum\b/i,
  /^discard\s+all\b/i,
]

/** The versioned files of the folder and below it, by version, and then the repeatable ones, by description. */
export function listFlyway(dir: string, values: Values): readonly Step[] {
  const files = filesBelow(dir, '')
  const step = (file: string, version: string | undefined, description: string) => {
    const isReplaced = /^placeholderReplacement\s*=\s*false/m.test(configOf(dir, file)) === false
    return stepOf(dir, file, (text) => {
      const sql = isReplaced ? text.replace(/\$\{([^}]+)\}/g, (found, name: string) => values[name] ?? found) : text
      const segments = findSegments(sql).statements
      const statements = segments.map(({ start, end }) => sql.slice(start, end))
      const wrapped =
        !/^executeInTransaction\s*=\s*false/m.test(configOf(dir, file)) &&
        !statements.some((statement) => alone.some((pattern) => pattern.test(withoutComments(statement))))
      return {
        ...(version === undefined ? {} : { version }),
        description,
        wrapped,
        messages: wrapped ? [sql] : statements,
      }
    })
  }
  const versioned = files.flatMap((file) => {
    const [, version, description] = /^V(\d[^/]*?)__([^/]*)\.sql$/i.exec(nameOf(file)) ?? []
    return version === undefined ? [] : { file, version: version.replaceAll('_', '.'), description: description! }
  })
  const repeatable = files.flatMap((file) => {
    const [, description] = /^R__([^/]*)\.sql$/i.exec(nameOf(file)) ?? []
    return description === undefined ? [] : { file, description }
  })
  return [
    ...versioned
      .sort((a, b) => compareVersions(a.version, b.version))
      .map(({ file, version, description }) => step(file, version, description.replaceAll('_', ' '))),
    ...repeatable
      .sort((a, b) => (a.description < b.description ? -1 : 1))
      .map(({ file, description }) => step(file, undefined, description.replaceAll('_', ' '))),
  ]
}

function filesBelow(dir: string, path: string): readonly string[] {
  return entriesOf(join(dir, path)).flatMap((name) => {
    const inner = path ? `${path}/${name}` : name
    return name.endsWith('.sql') ? [inner] : filesBelow(dir, inner)
  })
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1)
}

function configOf(dir: string, file: string): string {
  const path = join(dir, `${file}.conf`)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function withoutComments(statement: string): string {
  return statement.replace(/^(\s*(--[^\n]*(\n|$)|\/\*[^]*?\*\/))*\s*/, '')
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  for (let i = 0; i < Math.max(left!.length, right!.length); i += 1) {
    const difference = (left![i] ?? 0) - (right![i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
