import { printable } from './printable.ts'

/** A table for people: columns as wide as their widest cell, two spaces between them, no newline at the end. */
export function renderTable(rows: readonly (readonly string[])[], header: readonly string[]): string {
  const cells = [header, ...rows].map((row) => row.map(printable))
  const widths = cells.reduce<number[]>(
    (widest, row) =>
      row.map((cell, column) => Math.max(widest[column] ?? 0, width(cell))).concat(widest.slice(row.length)),
    [],
  )
  return cells
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function pad(cell: string, columns: number): string {
  return cell + ' '.repeat(columns - width(cell))
}

function width(cell: string): number {
  return [...cell].length
}
