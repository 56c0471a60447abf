/** The text file beside the migrations that says which findings are allowed. */
export const allowFile = 'upfront.allow'

/** The exact lines that would allow a finding, in the file itself and in upfront.allow. */
export function howToAllow(rule: string, name: string, file = `${allowFile} beside it`): string {
  return (
    `To allow it: the comment "-- upfront:allow ${rule} <why>" before the file's first statement, ` +
    `or the line "${rule} ${name} <why>" in ${file}.`
  )
}

/** Whether somebody has allowed names that Postgres cuts. */
export function allowsLongNames({ allow }: { readonly allow?: readonly string[] | undefined }): boolean {
  return allow?.includes('long-name') ?? false
}
