/** A text with its placeholders replaced, and those that had no value, which stay as they are. */
export interface Replaced {
  readonly text: string
  /** Lines from 1. */
  readonly missing: readonly { readonly name: string; readonly line: number }[]
}

/**
 * A `$` and what follows: `{` begins a placeholder that ends with the next `}`, or the text; any other character is
 * passed over together with the `$`, so that flyway reads no placeholder in `$${name}`.
 */
const candidate = /\$(?:\{([^}]*)\}?|[^])/g

/**
 * Replaces `${name}`, in comments and strings too, and nothing in what it has put there; names are compared without
 * regard to capitals. That is how flyway does it.
 */
export function replacePlaceholders(text: string, values: ReadonlyMap<string, string>): Replaced {
  if (!text.includes('${')) return { text, missing: [] }
  const byName = new Map([...values].map(([name, value]) => [name.toLowerCase(), value]))
  const missing: { name: string; line: number }[] = []
  let [line, counted] = [1, 0]
  const replaced = text.replace(candidate, (found: string, name: string | undefined, at: number) => {
    if (name === undefined) return found
    const value = found.endsWith('}') ? byName.get(name.toLowerCase()) : undefined
    if (value !== undefined) return value
    for (; counted < at; counted += 1) if (text[counted] === '\n') line += 1
    missing.push({ name, line })
    return found
  })
  return { text: replaced, missing }
}
