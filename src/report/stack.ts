/** The stack of a bug with those of its causes; the innermost is where to look. */
export function stackOf(error: Error): string {
  const stacks: string[] = []
  // A Failure only wraps a bug: its own stack is of no interest unless there is nothing else.
  let current: unknown = error.cause ?? error
  while (current !== undefined && stacks.length < 5) {
    stacks.push(current instanceof Error ? (current.stack ?? String(current)) : String(current))
    current = current instanceof Error ? current.cause : undefined
  }
  return stacks.join('\ncaused by: ')
}
