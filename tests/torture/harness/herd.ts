import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Answer, Order } from './herd-worker.ts'

/** Starts so many runners at one instant, in a few processes; answers how each ended, and after how long the last. */
export async function runHerd(processes: number, order: Order) {
  const children = Array.from({ length: processes }, () =>
    fork(join(import.meta.dirname, 'herd-worker.ts'), { execArgv: [], env: { PATH: process.env['PATH'] } }),
  )
  try {
    await Promise.all(children.map((child) => once(child, 'message')))
    const begun = performance.now()
    const answers = await Promise.all(
      children.map(async (child) => {
        const answer = once(child, 'message')
        child.send(order)
        return (await answer)[0] as Answer
      }),
    )
    return {
      drainMs: performance.now() - begun,
      exits: answers.flatMap(({ exits }) => exits),
      complaint: answers.find(({ complaint }) => complaint !== '')?.complaint ?? '',
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}
