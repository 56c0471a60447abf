import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Adds up what the steps and the test runs of .ci/run left in a folder; a skip that is not allowed is a failure. */
const folder = process.argv[2]!
const allowed = JSON.parse(readFileSync(new URL('allowed-skips.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>
const count = { passed: 0, failed: 0, skipped: 0 }

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

for (const file of readdirSync(folder)) {
  const text = readFileSync(join(folder, file), 'utf8')
  if (file.endsWith('.step')) {
    // A run of tests is counted by its tests; that it failed without one is a failure too.
    const isRun = readdirSync(folder).includes(file.replace('.step', '.json'))
    if (text.startsWith('not')) fail(`the step ${file.replace('.step', '')} failed`)
    else if (!isRun) count.passed += 1
  } else countTests(JSON.parse(text) as Report)
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exit(count.failed > 0 || count.passed === 0 ? 1 : 0)

function countTests(report: Report): void {
  for (const { name, status, assertionResults } of report.testResults) {
    if (status === 'failed' && assertionResults.every((test) => test.status !== 'failed')) fail(`${name} could not run`)
    for (const { fullName, status, failureMessages } of assertionResults) {
      if (status === 'passed') count.passed += 1
      else if (status === 'failed') fail(`${fullName}\n${excerpt(failureMessages)}`)
      else if (allowed[fullName]) count.skipped += 1
      else fail(`${fullName} was skipped, and .ci/allowed-skips.json has no reason for it`)
    }
  }
}

/** Why it failed, where the last lines of the output are all that a reader has. */
function excerpt(messages: readonly string[] = []): string {
  return messages
    .join('\n')
    .split('\n')
    .slice(0, 12)
    .map((line) => `  ${line.slice(0, 1_000)}`)
    .join('\n')
}

function fail(what: string): void {
  count.failed += 1
  console.log(`FAILED: ${what}`)
}
