// Runs a folder as its own tool does, as far as a client of Postgres can: the measure of what Upfront makes of it.
import type pg from 'pg'
import type { History } from './history.ts'
import type { Step } from './step.ts'
import type { Tool } from './tools.ts'

/** How far it came, and why no further. */
export interface Reference {
  readonly done: number
  /** The file, the SQLSTATE and the message. */
  readonly error: string | null
}

/** Makes the history table and runs the steps, each with its row: some migrations look into the table of their tool. */
export async function runReference(
  client: pg.Client,
  tool: Tool,
  steps: readonly Step[],
  { history, dir }: { readonly history: History; readonly dir: string },
): Promise<Reference> {
  await client.query(history.create)
  if (tool.together) await client.query('begin')
  let done = 0
  try {
    for (const step of steps) {
      const inTransaction = step.wrapped && !tool.together
      if (inTransaction) await client.query('begin')
      for (const message of step.messages) await client.query(message)
      const [text, ...values] = history.insert(step, done + 1, dir)
      await client.query(text, values)
      if (inTransaction) await client.query('commit')
      if (tool.resets) await client.query('reset all')
      done += 1
    }
    if (tool.together) await client.query('commit')
    return { done, error: null }
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string }
    await client.query('rollback').catch(() => {})
    return { done, error: `${steps[done]!.file}: ${code ?? 'no SQLSTATE'} ${message}` }
  }
}
