import { expect, test } from 'vitest'
import type { Event } from '../../../src/events.ts'
import { openReport } from '../../../src/report/report.ts'
import { collect, samples } from './samples.ts'

type Progress = Extract<Event, { type: 'progress' }>

const options = { format: 'text', level: 'info', secrets: [], terminationLog: '', detail: true } as const
const at = (elapsedMs: number, more: Partial<Progress> = {}): Event => ({ ...samples.progress, elapsedMs, ...more })

function write(events: readonly Event[], terminal: { TERM?: string; columns?: number } | null, format = 'text') {
  const stderr = { ...collect(terminal !== null), columns: terminal?.columns }
  const env = { NO_COLOR: '1', TERM: terminal?.TERM }
  const report = openReport({ env, stdout: collect(), stderr }, { ...options, format: format as 'text' | 'json' })
  for (const event of events) report.emit(event)
  return stderr.text()
}

test('on a terminal progress is one line that is written over, and gone when something is said', () => {
  const written = write([at(3_000, { percent: 40 }), at(5_000, { percent: 60 }), samples.applied], {})
  expect(written.split('\r\x1b[K')).toEqual([
    '',
    'running        0002_users  3.0 s: create index: building, 40 %',
    'running        0002_users  5.0 s: create index: building, 60 %',
    'applied        0001_extensions  12 ms\n',
  ])
})

test('a line that updates is never wider than the terminal', () => {
  const lines = write([at(3_000), at(5_000)], { columns: 30 })
    .split('\r\x1b[K')
    .slice(1)
  expect(lines).toEqual(['running        0002_users  3.0', 'running        0002_users  5.0'].map((l) => l.slice(0, 29)))
})

test.for([
  ['a log', null, 'text'],
  ['a terminal that cannot write over a line', { TERM: 'dumb' }, 'text'],
  ['a JSON log, also on a terminal', {}, 'json'],
] as const)('%s hears of a statement every ten seconds', ([, terminal, format]) => {
  const seconds = [3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25]
  const written = write(
    seconds.map((s) => at(s * 1_000)),
    terminal,
    format,
  )
  const said = format === 'json' ? /"elapsed_ms":(\d+)000/g : /users {2}([\d]+)\.0 s/g
  expect([...written.matchAll(said)].map(([, s]) => Number(s))).toEqual([3, 13, 23])
  expect(written).not.toContain('\x1b')
})

test('a log hears of another migration, and of another try, at once', () => {
  const events = [at(3_000), at(4_000, { name: '0003_next' }), at(3_000, { name: '0003_next' })]
  expect(write(events, null).trimEnd().split('\n')).toHaveLength(3)
})
