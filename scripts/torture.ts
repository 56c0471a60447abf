#!/usr/bin/env node
/**
 * `npm run test:torture`: every fault at every message, all rows of the torture list, and docs/torture.md from what was
 * seen. Rows that other tests stand for come from their reports, if `--with <report.json>` names some; else those run
 * too. `--reports <folder>` keeps its own. `--postgres 14` runs the enumeration against another major version, and rewrites its line alone.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as prettier from 'prettier'
import { sections } from '../tests/torture/rows/index.ts'
import { withPostgres } from '../src/embedded/postgres.ts'
import { judgeRow, renderDocument, replaceVersion } from './torture/document.ts'
import { readResults } from './torture/results.ts'
import { installPostgres } from './torture/versions.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({
  options: { postgres: { type: 'string' }, with: { type: 'string', multiple: true }, reports: { type: 'string' } },
})
const majorDir = values.postgres === undefined ? undefined : installPostgres(values.postgres)
const reports = values.reports ?? mkdtempSync(join(tmpdir(), 'upfront-reports-'))
let failed = false

try {
  const own =
    majorDir === undefined
      ? // What is measured alone first, so that nothing else takes its time.
        [vitest('herd', 'torture/herd'), vitest('torture', '--exclude=tests/torture/herd.test.ts')]
      : [vitest('torture', 'enumeration', 'failing', 'silence', 'two-servers', 'crash', 'interleavings')]
  const others = majorDir === undefined ? (values.with ?? [runOthers()]) : []
  const mine = own.flatMap((path) => readResults(root, path))
  const all = [...mine, ...others.flatMap((path) => readResults(root, path))]
  if (majorDir === undefined) {
    const bad = sections.flatMap(([, rows]) => rows.map((row) => judgeRow(row, all))).filter(({ good }) => !good)
    for (const { row, text } of bad) console.error(`${row} ${text}`)
    failed ||= bad.length > 0
  }
  const document = join(root, 'docs/torture.md')
  const before = existsSync(document) ? readFileSync(document, 'utf8') : ''
  const options = await prettier.resolveConfig(document)
  const text =
    majorDir === undefined
      ? renderDocument(before, await versionOf(), mine, all)
      : replaceVersion(before, await versionOf(), mine)
  writeFileSync(document, await prettier.format(text, { ...options, filepath: document }))
} finally {
  if (values.reports === undefined) rmSync(reports, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)

/** Runs tests of this folder in full; answers where the report is. */
function vitest(name: string, ...args: string[]): string {
  return run(name, ['--project', 'torture', ...args], {
    TORTURE: 'full',
    ...(majorDir ? { TEST_POSTGRES_DIR: majorDir } : {}),
  })
}

/** The other tests that rows name. */
function runOthers(): string {
  const files = new Set(sections.flatMap(([, rows]) => rows.flatMap(({ tests }) => tests.map(([file]) => file))))
  const elsewhere = [...files].filter((file) => !file.startsWith('tests/torture/'))
  return run('others', ['--project', 'unit', '--project', 'postgres', '--project', 'image', ...elsewhere], {})
}

function run(name: string, args: readonly string[], env: Readonly<Record<string, string>>): string {
  const report = join(reports, `${name}.json`)
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const flags = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { status } = spawnSync(process.execPath, [vitest, ...flags, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  })
  failed ||= status !== 0
  return report
}

async function versionOf(): Promise<string> {
  return withPostgres(majorDir ? { majorDir } : {}, async ({ log }) => /PostgreSQL (\d+\.\d+)/.exec(log())?.[1] ?? '?')
}
