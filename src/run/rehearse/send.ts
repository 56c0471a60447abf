import { runPipeline } from '../../postgres/pipeline.ts'
import { ScriptError, runScript } from '../../postgres/script.ts'
import type { Session } from '../../postgres/session.ts'
import { codePoints } from '../../sql/position.ts'
import type { Unit } from './units.ts'

/** A piece of a message, with as many statements as `count` says. */
export interface Part {
  readonly sql: string
  readonly count: number
}

/** Where a message failed. */
interface FailedPart {
  /** From 0. */
  readonly part: number
  /** Of that part, from 0. */
  readonly statement: number
  /** In that part, in code points from 0; null when Postgres does not say. */
  readonly position: number | null
  /** What the parts before it have answered. */
  readonly answers: readonly (string | null)[]
}

/** Which part of a message failed, and what those before it had answered. */
export class PartError extends ScriptError {
  readonly at: FailedPart

  constructor(at: FailedPart, error: unknown) {
    super(at.statement, error)
    this.at = at
  }
}

/** Sends the parts as one message; resolves with the last value that each has answered, and rejects with a PartError. */
export async function sendParts(session: Session, parts: readonly Part[]): Promise<(string | null)[]> {
  const answers: (string | null)[] = parts.map(() => null)
  let part = 0
  let within = 0
  const text = parts.map(({ sql }) => `${sql}\n;`)
  try {
    await runScript(session, text.join(''), (_, [value = null]) => {
      answers[part] = value
      within += 1
      if (within < parts[part]!.count) return
      part += 1
      within = 0
    })
    return answers
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    const { position } = error.error as { position?: string }
    // What is no SQL at all fails before anything of the message has run.
    if (position === undefined) throw new PartError({ part, statement: within, position: null, answers }, error.error)
    let left = Number(position) - 1
    let at = 0
    for (let length = codePoints(text[0]!); left >= length && at < text.length - 1; length = codePoints(text[at]!)) {
      left -= length
      at += 1
    }
    throw new PartError({ part: at, statement: at === part ? within : 0, position: left, answers }, error.error)
  }
}

/** Sends one unit, with the data of its COPY. */
export async function sendUnit(session: Session, { sql, data, first, last }: Unit): Promise<void> {
  if (!data) return void (await sendParts(session, [{ sql, count: last - first + 1 }]))
  try {
    await runPipeline(session, [{ sql, data }])
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    const { position } = error.error as { position?: string }
    const offset = position === undefined ? null : Number(position) - 1
    throw new PartError({ part: 0, statement: error.statement, position: offset, answers: [] }, error.error)
  }
}
