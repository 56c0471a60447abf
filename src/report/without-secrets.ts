import { Failure } from '../errors.ts'
import type { Event } from '../events.ts'
import type { Redact } from './redact.ts'

/** The event as its hearer may print it. */
export function withoutSecrets(event: Event, redact: Redact): Event {
  if (event.type !== 'failed') return mapStrings(event, redact)
  const { failure, ...rest } = event
  return { ...mapStrings(rest, redact), failure: withoutSecretsOf(failure, redact) }
}

/** The same of a failure; one that holds no secret is answered as it is. */
export function withoutSecretsOf(failure: Failure, redact: Redact): Failure {
  const { code, message, facts, stack = '', cause } = failure
  const shown = mapStrings(facts, redact)
  const because = withoutSecretsOfCause(cause, redact)
  const isClean = redact(message + stack) === message + stack && JSON.stringify(shown) === JSON.stringify(facts)
  if (isClean && because === cause) return failure
  return Object.assign(new Failure(code, redact(message), shown, because), { stack: redact(stack) })
}

/** An error that others threw, and those behind it; its place in their code stays. */
function withoutSecretsOfCause(cause: unknown, redact: Redact): unknown {
  if (!(cause instanceof Error)) return typeof cause === 'string' ? redact(cause) : cause
  const { message, stack = '' } = cause
  const because = withoutSecretsOfCause(cause.cause, redact)
  if (because === cause.cause && redact(message + stack) === message + stack) return cause
  const bare = new Error(redact(message), because === undefined ? {} : { cause: because })
  return Object.assign(bare, { name: cause.name, stack: redact(stack) })
}

/** The same value with every text in it replaced, so that no formatter can forget to. */
export function mapStrings<T>(value: T, change: (text: string) => string): T {
  const map = (inner: unknown): unknown => {
    if (typeof inner === 'string') return change(inner)
    if (Array.isArray(inner)) return inner.map(map)
    if (typeof inner !== 'object' || inner === null) return inner
    return Object.fromEntries(Object.entries(inner).map(([key, field]) => [key, map(field)]))
  }
  return map(value) as T
}
