import type { Emit, Event } from '../events.ts'
import type { Io } from '../io.ts'
import { withoutDetail } from './detail.ts'
import { type Level, levelOf } from './fields.ts'
import { formatJson, redactAnswer } from './json.ts'
import { isTerminal, wantsColour } from './line.ts'
import { makeIsNews, openTerminal } from './live.ts'
import { makeRedact, type Redact } from './redact.ts'
import { lastWords, writeLastWords } from './termination.ts'
import { makeText } from './text.ts'

/** What the report needs to know of the configuration. */
export interface ReportOptions {
  readonly format: 'text' | 'json'
  readonly level: 'warn' | 'info' | 'debug'
  /** What must never be printed. */
  readonly secrets: readonly string[]
  /** A file for the last words; it is written only if it exists. */
  readonly terminationLog: string
  /** Whether DETAIL, CONTEXT and the queries of others are shown. */
  readonly detail: boolean
}

/** Says what happens, to people or to machines, without secrets; nothing in it ever throws. */
export interface Report {
  readonly emit: Emit
  /** Prints the answer of a command to stdout. */
  answer(text: string): void
}

const order: readonly Level[] = ['debug', 'info', 'warn', 'error']
// A 100 MB INSERT that fails comes back whole in Postgres' CONTEXT.
const longestField = 8000

/** Opens the report of one run: the log on stderr, the answer on stdout, the last words for Kubernetes. */
export function openReport(io: Pick<Io, 'env' | 'stdout' | 'stderr'>, options: ReportOptions): Report {
  const redact = makeRedact(options.secrets)
  const redactField: Redact = (text) => shorten(redact(text))
  const debug = options.level === 'debug'
  const text = makeText({ debug, colour: wantsColour(io), redact: redactField })
  const plain = makeText({ debug, colour: false, redact: redactField })
  const terminal = options.format === 'text' && isTerminal(io) ? openTerminal(io.stderr) : undefined
  const isNews = makeIsNews()
  const format = (event: Event) =>
    options.format === 'json' ? formatJson(event, new Date(), redactField) : text(event)
  return {
    emit(happened) {
      const event = options.detail ? happened : withoutDetail(happened)
      attempt(() => {
        const shown = order.indexOf(levelOf(event)) >= order.indexOf(options.level)
        if (!shown || (terminal === undefined && !isNews(event))) return
        const formatted = format(event)
        if (formatted === '') return
        if (terminal === undefined) io.stderr.write(formatted)
        else if (event.type === 'progress') terminal.live(plain(event))
        else terminal.lines(formatted)
      })
      attempt(() => {
        const words = lastWords(event, redactField)
        if (words !== undefined) writeLastWords(options.terminationLog, words)
      })
    },
    answer(answer) {
      attempt(() => io.stdout.write(redactAnswer(answer.endsWith('\n') ? answer : `${answer}\n`, redact)))
    },
  }
}

function shorten(text: string): string {
  const more = text.length - longestField
  return more > 0 ? `${text.slice(0, longestField)}... (${more} characters more)` : text
}

/** A broken pipe or a full disk must not turn a committed migration into a failure. */
function attempt(action: () => unknown): void {
  try {
    action()
  } catch {
    // There is nowhere left to say it.
  }
}
