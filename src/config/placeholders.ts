import { type Layer, readVariable } from './layers.ts'
import type { Problem } from '../errors.ts'

/** What the names of variables begin with that are values for placeholders in migrations. */
export const placeholderPrefix = 'UPFRONT_PLACEHOLDER_'

/** The values by the names of their placeholders; the first layer that sets one wins, a file counts as its content. */
export function readPlaceholders(layers: readonly Layer[], problems: Problem[]): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const layer of layers.toReversed()) {
    for (const variable of Object.keys(layer.variables)) {
      if (!variable.startsWith(placeholderPrefix)) continue
      const name = variable.replace(/_FILE$/, '')
      const found = readVariable(layer, name, problems)
      if (found) values[name.slice(placeholderPrefix.length)] = found.value
    }
  }
  return values
}
