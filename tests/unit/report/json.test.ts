import { expect, test } from 'vitest'
import { Failure } from '../../../src/errors.ts'
import type { Event } from '../../../src/events.ts'
import { eventFields } from '../../../src/report/fields.ts'
import { formatJson, redactAnswer } from '../../../src/report/json.ts'
import { makeRedact } from '../../../src/report/redact.ts'
import { samples } from './samples.ts'

const time = new Date('2026-01-02T03:04:05.678Z')

function format(event: Event, secrets: readonly string[] = []): string {
  return formatJson(event, time, makeRedact(secrets))
}

test('an event is one line of JSON with its time in UTC', () => {
  expect(format(samples.ready)).toBe(
    '{"time":"2026-01-02T03:04:05.678Z","level":"info","event":"ready","server_version":"18.4","elapsed_ms":1100}\n',
  )
})

test('a failure has its facts as fields', () => {
  const { facts } = samples.failed.failure
  expect(JSON.parse(format(samples.failed))).toEqual({
    time: '2026-01-02T03:04:05.678Z',
    level: 'error',
    event: 'failed',
    code: 'FAILED',
    exit_code: 22,
    message: '0003_documents failed and was rolled back',
    ...facts,
    applied: samples.failed.applied,
    not_run: samples.failed.notRun,
  })
})

test('facts that are missing are left out', () => {
  const event: Event = { type: 'failed', failure: new Failure('USAGE', 'no'), applied: [], notRun: [] }
  expect(Object.keys(JSON.parse(format(event)))).toEqual(['time', 'level', 'event'].concat(eventFields.failed.fields))
})

test.for(Object.values(samples))('the documented fields of $type are what is written', (event) => {
  const { level, meaning, fields, optional = [] } = eventFields[event.type]
  const { time: at, level: written, event: type, ...own } = JSON.parse(format(event))
  expect({ at, written, type }).toEqual({ at: time.toISOString(), written: level, type: event.type })
  expect(Object.keys(own).sort()).toEqual([...fields, ...optional.filter((name) => name !== 'stack')].sort())
  expect(meaning).toMatch(/^[A-Z].*\.$/)
})

test('only a bug has a stack', () => {
  const bug: Event = { ...samples.failed, failure: new Failure('INTERNAL', 'a bug', {}, new Error('inner')) }
  expect(JSON.parse(format(bug)).stack).toContain('Error: inner\n    at ')
  expect(JSON.parse(format(samples.failed)).stack).toBe(undefined)
})

test('a warning of Postgres has the level of a warning', () => {
  expect(JSON.parse(format({ ...samples.notice, severity: 'WARNING' })).level).toBe('warn')
})

test('a secret that JSON escapes is gone in both spellings', () => {
  const secret = 'pa"ss\\wörd\n1'
  const message = `raw ${secret} encoded ${JSON.stringify({ secret })} url ${encodeURIComponent(secret)}`
  const line = format({ type: 'warning', message }, [secret])
  expect(JSON.parse(line).message).toBe('raw *** encoded {"secret":"***"} url ***')
})

test.for(['"', '":"', '{', 'info', 'event', 'level', '22', 'message', '1100'])(
  'the secret %s does not break the line',
  (secret) => {
    expect(JSON.parse(format(samples.ready, [secret]))).toMatchObject({
      level: 'info',
      event: 'ready',
      elapsed_ms: 1100,
    })
  },
)

test('a terminal finds nothing to obey, a parser finds everything', () => {
  const message = '\x1b[31m\u009b\u2028\u202e\u{e0001}'
  const line = format({ type: 'warning', message })
  expect(line.trimEnd()).toMatch(/^[\x20-\x7e]+$/)
  expect(JSON.parse(line).message).toBe(message)
})

test('an answer in JSON stays JSON without its secrets', () => {
  const redact = makeRedact(['5432', 'secret-thing'])
  const status = { port: 5432, name: '5432', url: 'secret-thing' }
  expect(redactAnswer(`${JSON.stringify(status)}\n`, redact)).toBe('{"port":5432,"name":"***","url":"***"}\n')
  expect(JSON.parse(redactAnswer(JSON.stringify(status, null, 2), redact))).toEqual({
    port: 5432,
    name: '***',
    url: '***',
  })
  expect(redactAnswer('{ not JSON 5432', redact)).toBe('{ not JSON ***')
})
