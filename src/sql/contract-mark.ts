const mark = /^--[ \t]*upfront:contract$/
/** What was meant to be it, and would be passed over as prose: then the file would run at once. */
const nearly = /^--[-\s]*upfront\s*:+\s*contract\s*[;.,]?$/i
/** What is read as a directive, and refused as an unknown one. */
const directive = /^--[ \t]*upfront:\w/

/** Where such files stand in a folder of ours, whether or not they bear the mark. */
export const contractDir = 'contract/'

/** Whether a comment before the first statement of a SQL text is `-- upfront:contract`; its beginning is enough. */
export function isMarkedContract(text: string): boolean {
  return text.includes('upfront:contract') && leadingComments(text).some(({ line }) => mark.test(line))
}

/** Where a comment before the first statement begins that is nearly the mark; null for none. */
export function findNearMark(text: string): number | null {
  if (!/upfront/i.test(text)) return null
  return leadingComments(text).find(({ line }) => nearly.test(line) && !directive.test(line))?.at ?? null
}

/** The line comments before the first statement, without the space behind them, and where they begin. */
function leadingComments(text: string): { readonly line: string; readonly at: number }[] {
  const found: { line: string; at: number }[] = []
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length;) {
    if (/\s/.test(text[at]!)) at += 1
    else if (text.startsWith('--', at)) {
      const [line] = lineFrom(text, at)
      found.push({ line: line.trimEnd(), at })
      at += line.length
    } else if (text.startsWith('/*', at)) at = endOfBlock(text, at)
    else break
  }
  return found
}

function lineFrom(text: string, at: number): RegExpExecArray {
  const line = /[^\r\n]*/y
  line.lastIndex = at
  return line.exec(text)!
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
