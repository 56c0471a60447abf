// Reads the source as text: what imports what, and who touches the world.
import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
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
  ['main', /^src\/((main|index|arguments)\.ts$|api\/)/],
  ['commands', /^src\/commands\//],
  ['fleet', /^src\/fleet\//],
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
  ['embedded', /^src\/embedded\//],
  ['schema', /^src\/schema\//],
  ['ground', /^src\/(errors|events|io|interrupt|migration|version)\.ts$/],
]

/** The one folder or file that may import a package. */
const owners: Readonly<Record<string, RegExp>> = {
  umzug: /^src\/run\/apply\/sequence\.ts$/,
  dotenv: /^src\/config\//,
  'libpg-query': /^src\/sql\//,
  pg: /^src\/postgres\//,
  vitest: /^src\/api\/vitest\.ts$/,
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
  const backwards = imports.filter(({ ours, from, to }) => ours && texts.has(to) && layerOf(from) > layerOf(to))
  expect(show(backwards)).toEqual([])
})

test.each(apart.map(([from, to]) => [from.source, to.source, from, to] as const))(
  '%s does not know %s',
  (_, __, inside, outside) => {
    const wrong = imports.filter(({ from, to }) => inside.test(from) && outside.test(to))
    expect(show(wrong)).toEqual([])
  },
)

test('what is inside reaches the configuration by its types', () => {
  const inner = /^src\/(bundle|folder|checks|sql|history|catalog|postgres)\//
  // How a duration is written, which word was meant, and what a host is called are the same everywhere.
  const shared = /^src\/config\/(database\/target|duration|nearest)\.ts$/
  const wrong = imports.filter(
    ({ from, to, typeOnly }) => inner.test(from) && to.startsWith('src/config/') && !typeOnly && !shared.test(to),
  )
  expect(show(wrong)).toEqual([])
})

test('the report is used by main, the API, the commands and the run alone', () => {
  const wrong = imports.filter(
    ({ from, to }) => to.startsWith('src/report/') && !/^src\/(report\/|commands\/|run\/|main\.ts|api\/)/.test(from),
  )
  expect(show(wrong)).toEqual([])
})

test('errors, events, io and the types of the domain import nothing of ours but each other', () => {
  const plain = /^src\/(errors|events|io|migration)\.ts$/
  const wrong = imports.filter(({ from, to, ours }) => plain.test(from) && !(ours && plain.test(to)))
  expect(show(wrong)).toEqual([])
})

test.each(Object.entries(owners))('%s has one owner', (name, owner) => {
  const users = imports.filter(({ to }) => to === name || to.startsWith(`${name}/`))
  expect(show(users.filter(({ from, typeOnly }) => !owner.test(from) && !typeOnly))).toEqual([])
})

test('no other package is imported, so that the image holds no other', () => {
  const isKnown = (to: string) => Object.keys(owners).some((name) => to === name || to.startsWith(`${name}/`))
  const strangers = imports.filter(({ ours, to }) => !ours && !isBuiltin(to) && !isKnown(to))
  expect(show(strangers)).toEqual([])
})

test('umzug, the parser and what starts a server are loaded when they are needed, not at the start', () => {
  const start = loadedWith('entrypoint.ts')
  expect(start).toContain('pg')
  expect(start).not.toContain('umzug')
  expect(start).not.toContain('libpg-query')
  expect(start).not.toContain('dotenv')
  expect([...start].filter((file) => /^src\/(embedded|api)\//.test(file))).toEqual([])
})

test('what compares a schema that the bundle knows loads no parser, which takes more memory than the comparison', () => {
  const loaded = loadedWith('src/commands/verify.ts')
  expect(loaded).toContain('src/catalog/describe.ts')
  expect(loaded).not.toContain('libpg-query')
})

test('there are no circles of imports, of types neither', () => {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const at = path.indexOf(file)
    if (at !== -1) return void circles.push([...path.slice(at), file].join(' -> '))
    if (done.has(file)) return
    for (const { to, dynamic } of imports.filter(({ from, ours }) => ours && from === file)) {
      // What is imported later is no part of loading: the table of the commands loads each command so.
      if (!dynamic) visit(to, [...path, file])
    }
    done.add(file)
  }
  files.forEach((file) => visit(file, []))
  expect(circles).toEqual([])
})

const mostFiles = 20

test('no folder has more files than a reader takes in at once', () => {
  const folders = Map.groupBy(files, (file) => dirname(file))
  const full = [...folders].filter(([, inside]) => inside.length > mostFiles)
  expect(full.map(([folder, inside]) => `${folder}: ${inside.length}`)).toEqual([])
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

test('only what begins in a process, installs its signal handlers or owns its children touches the process', () => {
  // A server that we started must not outlive the process, however that ends; and vitest calls a set-up without a world.
  const allowed = ['entrypoint.ts', 'src/interrupt.ts', 'src/embedded/claims.ts', 'src/api/vitest.ts']
  const touching = files.filter((file) => /\bprocess\s*[.[]|\bconsole\s*\.|['"](node:)?process['"]/.test(code(file)))
  expect(touching.filter((file) => !allowed.includes(file))).toEqual([])
  expect(touching).toContain('entrypoint.ts')
  const importers = imports.filter(({ to, from }) => to === 'src/interrupt.ts' && from !== 'entrypoint.ts')
  expect(show(importers)).toEqual([])
})

/** All that is loaded with a file, itself included. */
function loadedWith(file: string): Set<string> {
  const loaded = new Set<string>()
  const visit = (one: string) => {
    if (loaded.has(one)) return
    loaded.add(one)
    for (const { to, typeOnly, dynamic } of imports.filter(({ from }) => from === one))
      if (!typeOnly && !dynamic) visit(to)
  }
  visit(file)
  return loaded
}

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
