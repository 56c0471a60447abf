import type { Ratio } from './measure.ts'

/** Says a ratio, with its range, and whether it misses its goal. */
export function report(what: string, value: Ratio, floor: string, goal?: number): void {
  const range = `${value.min.toFixed(2)} to ${value.max.toFixed(2)}`
  const end = goal === undefined ? '' : target(value.median, goal)
  console.log(`${what}: ${value.median.toFixed(2)}x of ${floor} (${range})${end}`)
}

/** What is to be said behind a figure that has a goal. */
export function target(value: number, goal: number): string {
  return `; target ${goal}${value > goal ? ', MISSED' : ''}`
}
