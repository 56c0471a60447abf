/**
 * Whether the statement is still open before line `i`: tools that send each of their parts by itself need no semicolon
 * at the end of one, and what we make of the parts is one text.
 */
export function isOpenBefore(lines: readonly string[], i: number): boolean {
  const last = lines.slice(0, i).findLast((line) => line.trim() !== '' && !line.trim().startsWith('--'))
  return last !== undefined && !/;\s*(--.*)?$/.test(last)
}
