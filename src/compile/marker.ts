/** Whether a comment before the first statement says `upfront:no-transaction`. */
export function isMarked(text: string): boolean {
  return /(?:\s|--.*(?:\n|$)|\/\*[\s\S]*?\*\/)*?--[ \t]*upfront:no-transaction[ \t]*$/my.test(text)
}
