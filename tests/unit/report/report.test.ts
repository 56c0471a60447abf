import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Failure } from '../../../src/errors.ts'
import type { Event } from '../../../src/events.ts'
import { openReport, type ReportOptions } from '../../../src/report/report.ts'
import { collect, samples } from './samples.ts'

const options: ReportOptions = { format: 'text', level: 'info', secrets: [], detail: true, terminationLog: '' }

function run(events: readonly Event[], changes: Partial<ReportOptions> = {}, env = {}, isTTY = false) {
  const io = { env, stdout: collect(), stderr: collect(isTTY) }
  const report = openReport(io, { ...options, ...changes })
  for (const event of events) report.emit(event)
  return { report, stdout: io.stdout.text, stderr: io.stderr.text }
}

const all = Object.values(samples)

function eventsAt(level: ReportOptions['level']): string[] {
  const lines = run(all, { level, format: 'json' }).stderr().trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line).event)
}

test('the log is on stderr, the answer on stdout', () => {
  const { report, stdout, stderr } = run([samples.applied])
  report.answer('42')
  report.answer('43\n')
  expect(stdout()).toBe('42\n43\n')
  expect(stderr()).toBe('applied        0001_extensions  12 ms\n')
})

test('the level decides what is said', () => {
  expect(eventsAt('debug')).toEqual(Object.keys(samples))
  expect(eventsAt('info')).toEqual(Object.keys(samples).filter((type) => type !== 'applying'))
  expect(eventsAt('warn')).toEqual([
    'warning',
    'not_renewed',
    'ahead',
    'connection_lost',
    'retrying',
    'blocked',
    'drift',
    'interrupted',
    'failed',
  ])
})

test('every event has lines for people, and the last one is always the summary', () => {
  const lines = run(all, { level: 'debug' }).stderr().trimEnd().split('\n')
  for (const event of all) expect(run([event], { level: 'debug' }).stderr()).toMatch(/^\S+.*\n/)
  expect(lines.at(-1)).toMatch(/^failed {9}22 FAILED: /)
})

test('the JSON log has a time', () => {
  const [line = ''] = run([samples.done], { format: 'json' }).stderr().split('\n')
  expect(Math.abs(Date.now() - Date.parse(JSON.parse(line).time))).toBeLessThan(5000)
})

test.for([
  [{}, false, false],
  [{}, true, true],
  [{ TERM: 'dumb' }, true, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
  [{ FORCE_COLOR: '' }, false, false],
] as const)('with %j and a terminal: %j, colour is %j', ([env, isTTY, coloured]) => {
  expect(run([samples.done], {}, env, isTTY).stderr().includes('\x1b[')).toBe(coloured)
  expect(run([samples.done], { format: 'json' }, env, isTTY).stderr()).not.toContain('\x1b')
})

test('a secret leaves through no door', () => {
  const folder = mkdtempSync(join(tmpdir(), 'upfront-report-'))
  const terminationLog = join(folder, 'log')
  writeFileSync(terminationLog, '')
  const secret = 'p"ä\\ss\tword'
  const place = { file: secret, line: 1, column: 40, text: `${'x'.repeat(30)}${secret}${'y'.repeat(300)}` }
  const own = { sqlstate: secret, reason: secret, detail: secret, hint: secret, where: secret, next: secret }
  const facts = { ...own, place, list: [secret], problems: [{ what: secret, place, next: secret }] }
  const failed = (code: 'FAILED' | 'INTERNAL'): Event => ({
    type: 'failed',
    failure: new Failure(code, secret, facts, new Error(secret)),
    applied: [secret],
    notRun: [secret],
  })
  const others = all.map((event) =>
    Object.fromEntries(
      Object.entries(event).map(([key, value]) => [key, key !== 'type' && typeof value === 'string' ? secret : value]),
    ),
  ) as unknown as Event[]
  for (const format of ['text', 'json'] as const) {
    const events = [...others, { type: 'ahead', names: [secret] } as const, failed('FAILED'), failed('INTERNAL')]
    const { report, stdout, stderr } = run(events, { format, level: 'debug', secrets: [secret], terminationLog })
    report.answer(`it is ${secret}`)
    for (const text of [stdout(), stderr(), readFileSync(terminationLog, 'utf8')]) {
      expect(text).not.toContain('p"')
      expect(text).not.toContain('ss\\tword')
      expect(text).not.toContain('word')
      expect(text).toContain('***')
    }
  }
  rmSync(folder, { recursive: true })
})

test('the last words go into the termination log, whatever the level and the format', () => {
  const folder = mkdtempSync(join(tmpdir(), 'upfront-report-'))
  const terminationLog = join(folder, 'log')
  writeFileSync(terminationLog, '')
  run([samples.start, samples.done], { terminationLog, level: 'warn', format: 'json' })
  expect(readFileSync(terminationLog, 'utf8')).toBe('done: 6 migrations and 3 seeds applied in 0.2 s\n')
  rmSync(folder, { recursive: true })
})

test('nothing in the report throws', () => {
  const broken = {
    write() {
      throw new Error('EPIPE')
    },
  }
  for (const format of ['text', 'json'] as const) {
    const report = openReport({ env: {}, stdout: broken, stderr: broken }, { ...options, format, terminationLog: '/' })
    for (const event of all) report.emit(event)
    report.answer('x')
    report.emit({ type: 'from the future' } as unknown as Event)
  }
})

test('a field of many megabytes is cut', () => {
  const failure = new Failure('FAILED', 'no', { where: 'x'.repeat(20_000_000) })
  for (const format of ['text', 'json'] as const) {
    const text = run([{ type: 'failed', failure, applied: [], notRun: [] }], { format }).stderr()
    expect(text).toContain('x... (19992000 characters more)')
    expect(text.length).toBeLessThan(9000)
  }
})
