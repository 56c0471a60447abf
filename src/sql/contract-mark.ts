const mark = /^--[ \t]*upfront:contract[ \t]*\r?$/

/** Where such files stand in a folder of ours, whether or not they bear the mark. */
export const contractDir = 'contract/'

/** Whether a comment before the first statement of a SQL text is `-- upfront:contract`; its beginning is enough. */
export function isMarkedContract(text: string): boolean {
  if (!text.includes('upfront:contract')) return false
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length;) {
    if (/\s/.test(text[at]!)) at += 1
    else if (text.startsWith('--', at)) {
      const end = text.indexOf('\n', at)
      const line = text.slice(at, end === -1 ? text.length : end)
      if (mark.test(line)) return true
      at += line.length
    } else if (text.startsWith('/*', at)) at = endOfBlock(text, at)
    else return false
  }
  return false
}

/** Behind a comment that may hold others, as Postgres has them. */
function endOfBlock(text: string, from: number): number {
  const marks = /\/\*|\*\//g
  marks.lastIndex = from
  for (let depth = 0, found = marks.exec(text); found; found = marks.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return marks.lastIndex
  }
  return text.length
}
