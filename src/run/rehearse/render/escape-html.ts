import { printable } from '../../../report/printable.ts'

const marks: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** A text as HTML shows it, in an element or a quoted attribute; what is invisible is spelled out, lines stay lines. */
export function escapeHtml(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line.replaceAll('\t', '    ')).replace(/[&<>"']/g, (one) => marks[one]!))
    .join('\n')
}
