import { existsSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { finding } from '../checks/finding.ts'
import type { Problem } from '../errors.ts'
import { placeAt } from '../sql/position.ts'

/** A module and all that it imports from its own folder, as JavaScript by path in the bundle. */
export interface BundledModule {
  readonly path: string
  readonly files: ReadonlyMap<string, string>
  readonly problems: readonly Problem[]
}

/** Turns modules into JavaScript; what several import is read once. */
export type BundleModule = (path: string) => BundledModule

/** Makes the bundler. TypeScript loses its types and nothing else, so that line and column stay those of the source. */
export async function moduleBundler(root: string, shown: string): Promise<BundleModule> {
  const { stripTypeScriptTypes } = await import('node:module')
  const folder = resolve(root)
  const read = new Map<string, OneFile>()
  const fileOf = (path: string): OneFile => {
    const known = read.get(path)
    if (known) return known
    const one = compileFile(path, folder, shown, stripTypeScriptTypes)
    read.set(path, one)
    return one
  }
  return (path) => {
    const files = new Map<string, string>()
    const problems: Problem[] = []
    const add = (from: string) => {
      const one = fileOf(from)
      if (files.has(one.target)) return
      files.set(one.target, one.code)
      problems.push(...one.problems)
      one.imports.forEach(add)
    }
    add(path)
    return { path: asJavaScript(relative(folder, path)), files, problems }
  }
}

interface OneFile {
  readonly target: string
  readonly code: string
  readonly imports: readonly string[]
  readonly problems: readonly Problem[]
}

/** The specifier of an import, in each of the three forms. */
const imports =
  /(?<before>^[ \t]*(?:import|export)\b[^'"`;()]*?\bfrom\s*|^[ \t]*import\s*|\bimport\s*\(\s*)(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>/gm
/** An import of only types, once they are stripped; what is left would still run the other file. */
const emptied = /^([ \t]*)import\s*\{[\s,]*\}\s*from\s*(['"])[^'"\n]+\2/gm

function compileFile(path: string, root: string, shown: string, strip: (code: string) => string): OneFile {
  const name = relative(root, path)
  const target = asJavaScript(name)
  const source = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  const problems: Problem[] = []
  const placeOf = (offset: number) => placeAt(join(shown, name), source, offset)
  let code = source
  if (/\.[cm]?ts$/.test(path)) {
    try {
      code = blankOut(strip(source), emptied)
    } catch (error) {
      const what = `this is not TypeScript that only has types to lose: ${(error as Error).message.trim()}`
      const next = 'Enums, namespaces and parameter properties need a compiler: write them otherwise.'
      return { target, code, imports: [], problems: [finding('module', what, placeOf(0), next)] }
    }
  }
  const local: string[] = []
  // Found in the text without comments, rewritten in the text with them: their offsets are the same.
  const changes: { readonly at: number; readonly from: string; readonly to: string }[] = []
  for (const { index, groups } of blankOut(code, /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm).matchAll(imports)) {
    const { before = '', specifier = '' } = groups!
    const at = index + before.length + 1
    const next = problemOf(specifier, path, root, placeOf(at))
    if (next) problems.push(next)
    else if (specifier.startsWith('.')) {
      local.push(resolve(dirname(path), specifier))
      changes.push({ at, from: specifier, to: asJavaScript(specifier) })
    }
  }
  for (const { at, from, to } of changes.toReversed()) code = code.slice(0, at) + to + code.slice(at + from.length)
  return { target, code, imports: local, problems }
}

function problemOf(specifier: string, path: string, root: string, place: Problem['place']): Problem | null {
  if (isBuiltin(specifier) || specifier.startsWith('data:')) return null
  if (!/^\.{0,2}\//.test(specifier)) {
    const what = `the package ${specifier} is not in the image`
    return finding('module', what, place, 'Use what Node has and the client that is passed in; types may be imported.')
  }
  const target = resolve(dirname(path), specifier)
  if (!existsSync(target) || !statSync(target).isFile()) {
    const next = 'Write the path with its extension: ./helpers.ts.'
    return finding('module', `${specifier} is no file`, place, next)
  }
  if (!relative(root, target).startsWith('..') && specifier.startsWith('.')) return null
  return finding(
    'module',
    `${specifier} is outside of the folder`,
    place,
    'Move it into the folder: the image has nothing else.',
  )
}

function asJavaScript(path: string): string {
  return path.replace(/\.([cm]?)ts$/, '.$1js')
}

function blankOut(code: string, pattern: RegExp): string {
  return code.replace(pattern, (all) => all.replace(/[^\n]/g, ' '))
}
