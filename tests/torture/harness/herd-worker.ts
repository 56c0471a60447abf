// Many runners in one process: three hundred processes would be three hundred times the start of Node.
import { main } from '../../../src/main.ts'

/** What the parent sends, and when it is sent: now. */
export interface Order {
  readonly runners: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

export interface Answer {
  /** One for each runner. */
  readonly exits: readonly number[]
  /** The log of the first that did not end well. */
  readonly complaint: string
}

process.once('message', async ({ runners, env, cwd }: Order) => {
  let complaint = ''
  const run = async (index: number) => {
    let log = ''
    const stderr = { write: (text: string) => void (log += text) }
    const { signal } = new AbortController()
    const io = { argv: ['up'], env, cwd, stdout: { write() {} }, stderr, signal, hostname: `${process.pid}-${index}` }
    const exit = await main(io)
    if (exit !== 0) complaint ||= log
    return exit
  }
  const exits = await Promise.all(Array.from({ length: runners }, (_, index) => run(index)))
  process.send!({ exits, complaint } satisfies Answer, () => process.exit())
})
process.send!('ready')
