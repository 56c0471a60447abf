// docs/torture.md, from what the runs have shown.
import { sections, type Row } from '../../tests/torture/rows/index.ts'
import { type Result, single, sum } from './results.ts'

export interface Outcome {
  readonly row: string
  readonly text: string
  readonly good: boolean
}

/** What became of a row: every test that stands for it has to be there and to have passed. */
export function judgeRow({ row, tests, notRun }: Row, results: readonly Result[]): Outcome {
  const problems = tests.flatMap(([file, name]) => {
    const found = results.filter((one) => one.file === file && one.name.includes(name))
    if (found.length === 0) return [`no test "${name}" in ${file} ran`]
    const failed = found.filter(({ status }) => status === 'failed').length
    if (failed > 0) return [`${failed} failed`]
    return found.every(({ status }) => status === 'skipped') ? [`"${name}" was skipped`] : []
  })
  const good = problems.length === 0
  const rest = notRun === undefined ? '' : `; not run: ${notRun}`
  return { row, good, text: `${good ? 'passed' : `FAILED: ${problems.join(', ')}`}${rest}` }
}

const columns = ['trials', 'torn', 'falseSuccesses', 'hangs', 'leaks', 'secrets'] as const

/** One line of the table of versions. */
export function versionLine(version: string, results: readonly Result[]): string {
  return `| ${[version, ...columns.map((name) => String(sum(results, name)))].join(' | ')} |`
}

/** The document with the line of one version anew, and everything else as it was. */
export function replaceVersion(before: string, version: string, own: readonly Result[]): string {
  const lines = readVersions(before)
  lines.set(version.split('.')[0]!, versionLine(version, own))
  const table = /(^\| Postgres .*\n\|[ :|-]+\n)((?:\|.*\n)+)/m
  if (!table.test(before)) throw new Error('docs/torture.md has no table of versions yet: run without --postgres first')
  return before.replace(table, (_, start: string) => `${start}${inOrder(lines)}\n`)
}

function readVersions(document: string): Map<string, string> {
  return new Map([...document.matchAll(/^\| (\d+)(?:\.\d+)? +\|.*$/gm)].map(([line, major]) => [major!, line] as const))
}

function inOrder(lines: ReadonlyMap<string, string>): string {
  return [...lines]
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([, line]) => line)
    .join('\n')
}

/** The whole document; of versions that did not run this time, the lines are those of before. */
export function renderDocument(
  before: string,
  version: string,
  own: readonly Result[],
  all: readonly Result[],
): string {
  const lines = readVersions(before)
  lines.set(version.split('.')[0]!, versionLine(version, own))
  const seconds = (figure: string) => `${single(own, figure)?.toFixed(2) ?? '-'} s`
  return `# What it survives

Written by \`npm run test:torture\` from what its tests have shown; do not edit.

## One fault at every message

A proxy that understands the protocol stands between a run and its server. The run has migrations inside and outside of a
transaction, BEGIN ... COMMIT blocks, concurrent indexes, a file of more than 1 MiB, COPY, row-level security, two modules
and seeds, one of them CSV; at message number k the fault strikes, and k goes from the first to the last (of chunks in a
row that are alike the first two and the last two). Roles and encodings go in pairs with the faults: a superuser with UTF8,
and an owner with CONNECTION LIMIT 2, bound by his own policies, with LATIN1. Other scenarios end in 22: modules whose
promises live on, a large file that the server cannot take. Silence is also tried with no deadline and the default
settings. Afterwards the history, an unkeyed ledger that every migration writes to, the rows of every table and the catalog
have to agree; the exit code and every word about what was applied or rolled back have to be true; nothing may be left on
the server; and a run without a fault has to end as the scenario does by itself.

| Postgres | trials | torn states | false words | hangs | left behind after 10 s | secrets seen |
| --- | --: | --: | --: | --: | --: | --: |
${inOrder(lines)}

How the runs of Postgres ${version} ended, by exit code:

${renderExits(own)}

## How long

On this run's machine, Postgres ${version}.

| | measured | target |
| --- | --: | --: |
| 300 runners at once, 100 connections, until the last has left | ${seconds('drainOf300')} | 5 s |
| the next runner has the lock after a SIGKILL | ${seconds('successorAfterKill')} | 1 s |
| after a SIGKILL inside a long statement | ${seconds('successorAfterKillInStatement')} | 2 s |
| after a black hole inside a long statement | ${seconds('successorAfterBlackHole')} | 60 s |
| after the loss of a node between two statements | ${seconds('successorAfterNodeLoss')} | 60 s |

## Row by row

${sections.map(([title, rows]) => renderSection(title, rows, all)).join('\n')}`
}

function renderExits(results: readonly Result[]): string {
  const lines = results
    .filter(({ exits }) => Object.keys(exits).length > 0)
    .map(({ name, exits }) => {
      const ends = Object.entries(exits).map(([exit, count]) => `${exit}: ${count}`)
      return `| ${nameOfFault(name).replace('|', '\\|')} | ${ends.join(', ')} |`
    })
  return `| fault | exit code: runs |\n| --- | --- |\n${lines.join('\n')}`
}

/** A test's name up to what all of them promise. */
function nameOfFault(name: string): string {
  return name
    .split(/: (?:nothing torn|what is sent again|ended within|22, and)/)[0]!
    .replace(/, (?:at|from) every message( on)?/, '')
}

function renderSection(title: string, rows: readonly Row[], results: readonly Result[]): string {
  const lines = rows.map((row) => {
    const { text } = judgeRow(row, results)
    const tests = row.tests.map(([file, name]) => `${file.replace('tests/', '')}${name === '' ? '' : `: ${name}`}`)
    const cells = [row.row, row.fault, row.expected, tests.join('<br>'), text]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return `### ${title}\n\n| row | fault | expected | test | outcome |\n| --- | --- | --- | --- | --- |\n${lines.join('\n')}\n`
}
