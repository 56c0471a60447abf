// Reads the source as text: what imports what, and who touches the world.
import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

interface Import {
  readonly from: string
  /** A path below the root, or the name of a package. */
  readonly to: string
  readonly ours: boolean
  readonly typeOnly: boolean
  readonly dynamic: boolean
}

const files = ['entrypoint.ts', ...globSync('src/**/*.ts', { cwd: root })].sort()
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const imports = files.flatMap((file) => readImports(file, texts.get(file)!))

/** The layers from the outside in: each may import those after it. */
const layers: readonly (readonly [string, RegExp])[] = [
  ['entrypoint', /^entrypoint\.ts$/],
  ['main', /^src\/(main|index|arguments)\.ts$/],
  ['commands', /^src\/commands\//],
  ['run', /^src\/run\//],
  ['history', /^src\/history\//],
  ['catalog', /^src\/catalog\//],
  ['postgres', /^src\/postgres\//],
  ['bundle', /^src\/bundle\//],
  ['folder', /^src\/folder\//],
  ['checks', /^src\/checks\//],
  ['sql', /^src\/sql\//],
  ['report', /^src\/report\//],
  ['config', /^src\/config\//],
  ['ground', /^src\/(errors|events|io|interrupt|migration|version)\.ts$/],
]

/** The one folder or file that may import a package. */
const owners: Readonly<Record<string, RegExp>> = {
  umzug: /^src\/run\/apply\/sequence\.ts$/,
  dotenv: /^src\/config\//,
  'libpg-query': /^src\/sql\//,
  pg: /^src\/postgres\//,
}

/** What is about files knows no server, and what is about the server knows no files. */
const apart: readonly (readonly [RegExp, RegExp])[] = [
  [/^src\/(bundle|folder|checks|sql)\//, /^src\/(postgres|catalog|history|report)\//],
  [/^src\/(postgres|catalog)\//, /^src\/(bundle|folder|checks|report)\//],
  [/^src\/sql\//, /^src\/(config|checks)\//],
]

test('the tree is what this test believes it to be', () => {
  expect(files.length).toBeGreaterThan(50)
  expect(imports.length).toBeGreaterThan(150)
  expect(files.filter((file) => layerOf(file) === -1)).toEqual([])
  expect(Object.keys(owners).filter((name) => !imports.some(({ to }) => to === name))).toEqual([])
  expect(imports.filter(({ ours, to }) => ours && !texts.has(to) && to !== 'package.json')).toEqual([])
})

test('imports point one way: from the process inwards, never back', () => {
  // Types are shared both ways between the compiler, which makes a bundle, and the domain, which says what one is.
  const backwards = imports.filter(({ ours, from, to }) => ours && texts.has(to) && layerOf(from) > layerOf(to))
  expect(show(backwards)).toEqual([])
})

test('compile, migrations and postgres do not know the report, and reach the configuration by its types', () => {
  const inner = /^src\/(compile|migrations|postgres)\//
  // How a duration is written, and which word was meant, is the same in a file as in a setting.
  const shared = /^src\/config\/(target|duration|nearest)\.ts$/
  const wrong = imports.filter(
    ({ from, to, typeOnly }) =>
      inner.test(from) &&
      (to.startsWith('src/report/') || (to.startsWith('src/config/') && !typeOnly && !shared.test(to))),
  )
  expect(show(wrong)).toEqual([])
})

test('the compiler needs no database: of postgres it uses the arithmetic of positions only', () => {
  const wrong = imports.filter(
    ({ from, to, typeOnly }) =>
      from.startsWith('src/compile/') &&
      to.startsWith('src/postgres/') &&
      !typeOnly &&
      to !== 'src/sql/position.ts',
  )
  expect(show(wrong)).toEqual([])
})

test('the report is used by main, the API and the commands alone', () => {
  const wrong = imports.filter(
    ({ from, to }) => to.startsWith('src/report/') && !/^src\/(report\/|commands\/|main\.ts|index\.ts)/.test(from),
  )
  expect(show(wrong)).toEqual([])
})

test('errors, events, io and the types of the domain import nothing of ours but each other', () => {
  const plain = /^src\/(errors|events|io|migrations\/migration)\.ts$/
  const wrong = imports.filter(({ from, to, ours }) => plain.test(from) && !(ours && plain.test(to)))
  expect(show(wrong)).toEqual([])
})

test.each(Object.entries(owners))('%s has one owner', (name, owner) => {
  const users = imports.filter(({ to }) => to === name || to.startsWith(`${name}/`))
  expect(show(users.filter(({ from, typeOnly }) => !owner.test(from) && !typeOnly))).toEqual([])
})

test('no other package is imported, so that the image holds no other', () => {
  const known = new Set(Object.keys(owners))
  const strangers = imports.filter(({ ours, to }) => !ours && !isBuiltin(to) && !known.has(to))
  expect(show(strangers)).toEqual([])
})

test('umzug and the parser are loaded when they are needed, not at the start', () => {
  const start = new Set<string>()
  const visit = (file: string) => {
    if (start.has(file)) return
    start.add(file)
    for (const { to, typeOnly, dynamic } of imports.filter(({ from }) => from === file))
      if (!typeOnly && !dynamic) visit(to)
  }
  visit('entrypoint.ts')
  expect(start).toContain('pg')
  expect(start).not.toContain('umzug')
  expect(start).not.toContain('libpg-query')
  expect(start).not.toContain('dotenv')
})

test('there are no cycles', () => {
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file)
    if (at !== -1) return void cycles.push([...path.slice(at), file].join(' -> '))
    if (done.has(file)) return
    for (const { to, typeOnly, dynamic } of imports.filter(({ from, ours }) => ours && from === file)) {
      // Types are gone at run time, and what is imported later is no part of loading.
      if (!typeOnly && !dynamic) visit(to, [...path, file])
    }
    done.add(file)
  }
  files.forEach((file) => visit(file, []))
  expect(cycles).toEqual([])
})

describe('every file', () => {
  test.each(files)('%s has at most 250 lines', (file) => {
    expect(texts.get(file)!.trimEnd().split('\n').length).toBeLessThanOrEqual(250)
  })

  test('imports with the extension, so that Node runs it as it is', () => {
    const paths = imports.filter(({ ours }) => ours).map(({ to }) => to)
    expect(paths.filter((path) => !/\.(ts|json)$/.test(path))).toEqual([])
  })

  test('is called by what it is about', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|lib|common|misc)(\/|\.)/.test(file))).toEqual([])
  })
})

test('only entrypoint.ts, and what installs its signal handlers, touches the process', () => {
  const allowed = ['entrypoint.ts', 'src/interrupt.ts']
  const touching = files.filter((file) => /\bprocess\s*[.[]|\bconsole\s*\.|['"](node:)?process['"]/.test(code(file)))
  expect(touching.filter((file) => !allowed.includes(file))).toEqual([])
  expect(touching).toContain('entrypoint.ts')
  const importers = imports.filter(({ to, from }) => to === 'src/interrupt.ts' && from !== 'entrypoint.ts')
  expect(show(importers)).toEqual([])
})

function layerOf(file: string): number {
  return layers.findIndex(([, pattern]) => pattern.test(file))
}

/** Without comments and strings that only talk about code. */
function code(file: string): string {
  return texts
    .get(file)!
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '')
}

function show(found: readonly Import[]): string[] {
  return found.map(({ from, to, typeOnly }) => `${from} -> ${to}${typeOnly ? ' (types)' : ''}`)
}

function readImports(from: string, text: string): Import[] {
  const found: Import[] = []
  const add = (specifier: string, typeOnly: boolean, dynamic: boolean) => {
    const ours = specifier.startsWith('.')
    const to = ours ? relative(root, resolve(root, from, '..', specifier)) : specifier
    found.push({ from, to, ours, typeOnly, dynamic })
  }
  for (const [, clause = '', specifier] of text.matchAll(
    /^(?:import|export)\s+([^'"`;]*?\s+from\s+)?['"]([^'"]+)['"]/gm,
  )) {
    const names = /\{([^}]*)\}/
      .exec(clause)?.[1]
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean)
    const onlyTypes = names !== undefined && names.length > 0 && names.every((name) => name.startsWith('type '))
    add(specifier!, /^type\b/.test(clause) || (onlyTypes && /^\s*\{/.test(clause)), false)
  }
  for (const [, specifier] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) add(specifier!, false, true)
  return found
}
