import type { Format } from '../../migration.ts'
import type { Adopter } from './adopter.ts'

/** Everybody's, in the order of their names. */
export const adopters: readonly Adopter[] = []

/** The one that reads the history of a tool; undefined for our own folders. */
export function adopterOf(format: Format): Adopter | undefined {
  return adopters.find((one) => one.format === format)
}
