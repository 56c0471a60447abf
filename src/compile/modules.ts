import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { Failure } from '../errors.ts'

/** Writes modules and what they import from their own folder into a bundle, as JavaScript. */
export interface ModuleWriter {
  /** Takes the absolute path of a module below `root`; returns its path in the bundle. */
  readonly write: (path: string, root: string) => string
  /** Notes, once there is a module, that those are ES modules. */
  readonly finish: () => void
}

/** TypeScript loses its types and nothing else, so that line and column stay those of the source. */
export async function moduleWriter(out: string): Promise<ModuleWriter> {
  const { stripTypeScriptTypes } = await import('node:module')
  const written = new Map<string, string>()
  const write = (path: string, root: string): string => {
    const name = relative(resolve(root), path)
    const target = asJavaScript(name)
    if (written.has(path)) return target
    if (name.startsWith('..')) throw outside(path)
    written.set(path, target)
    const source = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
    const code = /\.[cm]?ts$/.test(path) ? strip(stripTypeScriptTypes, source, name) : source
    mkdirSync(dirname(join(out, target)), { recursive: true })
    writeFileSync(
      join(out, target),
      code.replace(localImport, (all, before: string, specifier: string, quote: string) => {
        const imported = resolve(dirname(path), specifier)
        if (!existsSync(imported)) return all
        write(imported, root)
        return `${before}${asJavaScript(specifier)}${quote}`
      }),
    )
    return target
  }
  const finish = () => {
    if (written.size > 0) writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n')
  }
  return { write, finish }
}

/** The specifier of an import or a re-export that begins with a dot. */
const localImport = /(\b(?:from|import)\s*\(?\s*['"])(\.{1,2}\/[^'"]+)(['"])/g

function asJavaScript(path: string): string {
  return path.replace(/\.([cm]?)ts$/, '.$1js')
}

function strip(stripTypes: (code: string) => string, source: string, name: string): string {
  try {
    return stripTypes(source)
  } catch (error) {
    throw new Failure('INVALID', `${name} is not TypeScript that only has types to lose`, {
      reason: (error as Error).message,
      next: 'Enums, namespaces and parameter properties need a compiler: write them otherwise, or compile to JavaScript.',
    })
  }
}

function outside(path: string): Failure {
  return new Failure('INVALID', `${path} is imported by a migration, but is not in its folder`, {
    next: 'Move it into the migrations folder: the image has nothing else.',
  })
}
