/** What `upfront repair` can do to one row of the history, by the flag that says so. */
export const repairActions = ['accept', 'forget', 'done', 'not-done'] as const
export type RepairAction = (typeof repairActions)[number]

/** The command that puts one row right, as a shell takes it; the reason is for whoever types it. */
export function repairCommand(action: RepairAction | 'environment', name: string): string {
  // A name that begins with a dash would be a flag of its own.
  const flag = name.startsWith('-') ? `--${action}=` : `--${action} `
  return `upfront repair ${flag}${quoteForShell(name)} --reason "..."`
}

/** The two ways on with what stopped half way, for the list of a failure; only who has looked knows which. */
export function halfDoneCommands(name: string): string[] {
  return [
    `when all of it is done: ${repairCommand('done', name)}`,
    `when it is to run again from its beginning: ${repairCommand('not-done', name)}`,
  ]
}

const longestList = 10

/** The same command for each of several names, each on a line of its own; the first ten of them. */
export function repairCommands(action: RepairAction, names: readonly string[]): string {
  const more = names.length - longestList
  const lines = names.slice(0, longestList).map((name) => `\n${repairCommand(action, name)}`)
  return lines.join('') + (more > 0 ? `\nand so on for ${more} more` : '')
}

/** A word as a shell hands it on unchanged. */
export function quoteForShell(word: string): string {
  return /^[\p{L}\p{M}\p{N}_./:@%+,-]+$/u.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
