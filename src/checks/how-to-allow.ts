/** The text file beside the migrations that says which findings are let pass. */
export const allowFile = 'upfront.allow'

/** What is said of a finding that may be let pass: the exact words, for the file itself and for beside it. */
export function howToAllow(rule: string, name: string, file = `${allowFile} beside it`): string {
  return (
    `To allow it: the comment "-- upfront:allow ${rule} <why>" before the file's first statement, ` +
    `or the line "${rule} ${name} <why>" in ${file}.`
  )
}

/** Whether what runs may make names that Postgres cuts, because somebody has said so. */
export function allowsLongNames({ allow }: { readonly allow?: readonly string[] | undefined }): boolean {
  return allow?.includes('long-name') ?? false
}
