/** A row of the torture list, and the tests that stand for it. */
export interface Row {
  readonly row: string
  readonly fault: string
  readonly expected: string
  /** File, and a part of the full name; an empty one stands for every test of the file. All that match have to pass. */
  readonly tests: readonly (readonly [file: string, name: string])[]
  /** What of it needs something that is not here; only for T85, T86 and T88. */
  readonly notRun?: string
}
