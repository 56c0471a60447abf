import { parseArguments } from './arguments.ts'
import type { Config } from './config/config.ts'
import { loadConfig } from './config/load.ts'
import { Failure } from './errors.ts'
import type { Event } from './events.ts'
import type { Io } from './io.ts'
import { noWait } from './postgres/lock.ts'
import { makeRedact } from './report/redact.ts'
import { type Report, openReport } from './report/report.ts'
import { defaultTerminationLog } from './report/termination.ts'
import { newRunConnection } from './run/connection.ts'
import { type Phase, withDeadline } from './run/deadline.ts'
import type { Run } from './run/run.ts'

/** The whole story of one call; resolves with the exit code and never rejects. */
export async function main(io: Io): Promise<number> {
  // Until the configuration is read, these two variables alone say how a failure is reported.
  let report = openReport(io, {
    format: io.env['UPFRONT_LOG_FORMAT'] === 'json' ? 'json' : 'text',
    level: 'info',
    detail: io.env['UPFRONT_LOG_DETAIL'] !== 'off',
    secrets: [],
    terminationLog: io.env['UPFRONT_TERMINATION_LOG'] || defaultTerminationLog,
  })
  let told = false
  const emit = (event: Event) => {
    told ||= event.type === 'failed'
    report.emit(event)
  }
  try {
    const { command, flags, settings, operands } = parseArguments(io.argv)
    const config = await loadConfig(io, settings, command)
    report = openReport(io, reportOptions(config))
    for (const message of config.warnings) emit({ type: 'warning', message })
    const phase: Phase = { current: 'waiting for the server' }
    const run: Run = {
      io,
      config,
      flags,
      operands,
      emit,
      answer: (text) => report.answer(text),
      redact: makeRedact(config.secrets),
      signal: withDeadline(config.deadlineMs, io.signal, phase),
      phase,
      lockWait: noWait(),
      connection: newRunConnection(),
    }
    const said = () => emit({ type: 'interrupted', signal: /SIG\w+/.exec(String(io.signal.reason))?.[0] ?? 'a signal' })
    io.signal.addEventListener('abort', said, { once: true })
    const execute = await command.load()
    return await execute(run)
  } catch (error) {
    const failure = error instanceof Failure ? error : bug(error)
    if (!told) tell(report, failure)
    return failure.exitCode
  }
}

function reportOptions({ logFormat, logLevel, logDetail, secrets, terminationLog }: Config) {
  return { format: logFormat, level: logLevel, detail: logDetail === 'on', secrets, terminationLog }
}

function tell(report: Report, failure: Failure): void {
  report.emit({ type: 'failed', failure, applied: [], notRun: [] })
}

function bug(error: unknown): Failure {
  const next = 'Please report it, with this text: it is a bug in upfront.'
  return new Failure('INTERNAL', 'something happened that should not', { reason: String(error), next }, error)
}
