import type { Event } from '../events.ts'
import { levelOf } from './fields.ts'
import { printableJson } from './printable.ts'
import type { Redact } from './redact.ts'
import { stackOf } from './stack.ts'

/** One event as one line of JSON with its newline. */
export function formatJson(event: Event, time: Date, redact: Redact): string {
  const fields = event.type === 'failed' ? describeFailed(event) : snakeCased(event)
  // Values are redacted before they are encoded, so that a secret can never be confused with a key or a quote.
  const body = JSON.stringify(fields, onlyStrings(redact))
  const head = JSON.stringify({ time: time.toISOString(), level: levelOf(event), event: event.type })
  return `${printableJson(body === '{}' ? head : `${head.slice(0, -1)},${body.slice(1)}`)}\n`
}

/** An answer without secrets; one that is JSON stays JSON, even when a password is `5432`. */
export function redactAnswer(answer: string, redact: Redact): string {
  const redacted = redact(answer)
  if (redacted === answer || !/^\s*[[{]/.test(answer)) return redacted
  try {
    return `${JSON.stringify(JSON.parse(answer), onlyStrings(redact), answer.includes('\n  ') ? 2 : 0)}\n`
  } catch {
    return redacted
  }
}

function onlyStrings(redact: Redact) {
  return (_key: string, value: unknown) => (typeof value === 'string' ? redact(value) : value)
}

function snakeCased({ type: _type, ...fields }: Event): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [snakeCase(name), snakeCasedList(value)]))
}

/** The fields of the things in a list, such as who blocks, are named as all fields are. */
function snakeCasedList(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value.map((one: unknown) =>
    typeof one === 'object' && one !== null
      ? Object.fromEntries(Object.entries(one).map(([name, field]) => [snakeCase(name), field]))
      : one,
  )
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)
}

function describeFailed({ failure, applied, notRun }: Extract<Event, { type: 'failed' }>): object {
  const { place, sqlstate, reason, detail, hint, where, list, problems, next } = failure.facts
  return {
    code: failure.code,
    exit_code: failure.exitCode,
    message: failure.message,
    place,
    sqlstate,
    reason,
    detail,
    hint,
    where,
    list,
    problems,
    next,
    stack: failure.code === 'INTERNAL' ? stackOf(failure) : undefined,
    applied,
    not_run: notRun,
  }
}
