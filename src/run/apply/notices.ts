import type { StepContext } from './step.ts'

interface Notice {
  readonly code?: string
  readonly severity?: string
  readonly message?: string
}

const noticesShown = 20

interface Listening {
  /** What runs at the moment, where several run in one message. */
  readonly current?: () => string | undefined
  /** Whether Postgres may cut names. */
  readonly mayCut?: boolean
}

/** Reports the server's notices while a step runs; too many are counted instead of shown. */
export function collectNotices(
  run: StepContext,
  first: string,
  { current = () => first, mayCut = false }: Listening = {},
) {
  const counts = new Map<string, number>()
  let truncated: string | undefined
  let cut = 0
  const warn = ({ message = '' }: Notice) => {
    cut += 1
    if (cut <= noticesShown)
      run.emit({ type: 'warning', message: `${current() ?? first}: ${message}, which is allowed there` })
  }
  const onNotice = (notice: Notice) => {
    // Our own rollback, where there is nothing to roll back.
    if (notice.code === '25P01') return
    if (notice.code === '42622' && mayCut) return warn(notice)
    if (notice.code === '42622') truncated ??= notice.message
    const name = current() ?? first
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    if (count > noticesShown) return
    const { severity = 'NOTICE', message = '' } = notice
    run.emit({ type: 'notice', name, severity, message })
  }
  run.session.client.on('notice', onNotice as never)
  return {
    /** What Postgres said when it cut an identifier to 63 bytes where it must not. */
    truncated: () => truncated,
    stop: () => {
      run.session.client.off('notice', onNotice as never)
      if (cut > noticesShown)
        run.emit({
          type: 'warning',
          message: `${first}: ${cut - noticesShown} more names were cut, which is allowed there`,
        })
      for (const [name, count] of counts) {
        if (count <= noticesShown) continue
        const message = `${count - noticesShown} more notices of the server are not shown`
        run.emit({ type: 'notice', name, severity: 'NOTICE', message })
      }
    },
  }
}
