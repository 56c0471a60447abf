// Reads vitest's JSON reports.
import { readFileSync } from 'node:fs'
import { isAbsolute, relative } from 'node:path'

/** One test, wherever it ran. */
export interface Result {
  /** From the root of the repository. */
  readonly file: string
  readonly name: string
  readonly status: 'passed' | 'failed' | 'skipped'
  readonly figures: Readonly<Record<string, number>>
  readonly exits: Readonly<Record<string, number>>
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly meta?: { readonly figures?: Record<string, number>; readonly exits?: Record<string, number> }
    }[]
  }[]
}

export function readResults(root: string, path: string): Result[] {
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report
  return report.testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults.map(({ fullName, status, meta }): Result => ({
      file: isAbsolute(file) ? relative(root, file) : file,
      name: fullName,
      status: status === 'passed' || status === 'failed' ? status : 'skipped',
      figures: meta?.figures ?? {},
      exits: meta?.exits ?? {},
    })),
  )
}

/** The sum over all tests; 0 when none has it. */
export function sum(results: readonly Result[], figure: string): number {
  return results.reduce((total, { figures }) => total + (figures[figure] ?? 0), 0)
}

/** The figure of the one test that has it. */
export function single(results: readonly Result[], figure: string): number | undefined {
  return results.find(({ figures }) => figures[figure] !== undefined)?.figures[figure]
}
