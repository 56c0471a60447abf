import type { Plugin } from 'rolldown'
import { parseAst } from 'rolldown/parseAst'

/** What the loader gives each file to import with. */
export const ownImport = 'importModule'

/**
 * Turns every import() that is left in a file into a call of the loader's own: V8 would ask for one that belongs to a
 * script that was compiled by hand, and Node warns of that in everybody's log.
 */
export function withOwnImport(): Plugin {
  return {
    name: 'own-import',
    renderChunk(code) {
      const found: number[] = []
      collect(parseAst(code), found)
      if (found.length === 0) return null
      let text = code
      for (const start of found.toSorted((a, b) => b - a))
        text = text.slice(0, start) + ownImport + text.slice(start + 'import'.length)
      return text
    },
  }
}

function collect(node: unknown, found: number[]): void {
  if (typeof node !== 'object' || node === null) return
  const { type, start } = node as { readonly type?: unknown; readonly start?: number }
  if (type === 'ImportExpression') found.push(start!)
  for (const child of Object.values(node)) collect(child, found)
}
