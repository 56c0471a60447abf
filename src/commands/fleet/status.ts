import { failures } from '../../errors.ts'
import { type Behind, readFleetStatus } from '../../fleet/fleet-status.ts'
import { nameSome } from '../../fleet/summary.ts'
import { renderTable } from '../../report/table.ts'
import type { Run } from '../../run/run.ts'

/** Answers from the ledger which tenants are as this image wants them; connects to none of them. */
export async function fleetStatus(run: Run): Promise<number> {
  const found = await readFleetStatus(run)
  run.answer(run.flags['json'] ? asJson(found) : asText(found))
  return run.flags['exit-code'] && found.behind.length > 0 ? failures.PENDING.exit : 0
}

type Found = Awaited<ReturnType<typeof readFleetStatus>>

const states = ['failed', 'running', 'behind', 'new'] as const

function countsOf({ count, behind }: Found) {
  const of = (state: Behind['state']) => behind.filter((one) => one.state === state).length
  const left = Object.fromEntries(states.map((state) => [state, of(state)])) as Record<Behind['state'], number>
  return { done: count - behind.length, ...left }
}

function asText(found: Found): string {
  const counts = countsOf(found)
  const told = Object.entries(counts).map(([state, number]) => `${number} ${state}`)
  const line = `${found.count} tenants: ${told.join(', ')}`
  if (found.behind.length === 0) return line
  const groups = new Map<string, Behind[]>()
  for (const one of found.behind) {
    const key = JSON.stringify([one.state, one.code, one.migration, one.alike])
    const group = groups.get(key) ?? []
    group.push(one)
    groups.set(key, group)
  }
  const place = ([one]: readonly Behind[]) => states.indexOf(one!.state)
  const sorted = [...groups.values()].sort((a, b) => place(a) - place(b) || b.length - a.length)
  const left = sorted.slice(rowsShown)
  const rows = sorted.slice(0, rowsShown).map((group) => {
    const { state, code, error, since, host } = group[0]!
    const running = since === null ? '' : `since ${since} on ${host}`
    const why = state === 'failed' ? `${code} ${error ?? ''}` : state === 'running' ? running : ''
    const who = nameSome(group.map(({ name }) => name))
    return [state, String(group.length), who, shorten(why.trim())]
  })
  const more = left.reduce((sum, group) => sum + group.length, 0)
  const rest = left.length === 0 ? '' : `\nand ${more} more, for ${left.length} other reasons: --json has them all`
  return `${renderTable(rows, ['state', 'tenants', 'who', 'why'])}${rest}\n${line}`
}

const rowsShown = 30

const longestWhy = 300

function shorten(text: string): string {
  return text.length > longestWhy ? `${text.slice(0, longestWhy)}...` : text
}

function asJson(found: Found): string {
  const notDone = found.behind.map(({ name, group, state, code, error, migration, attempt, since, host }) => ({
    name,
    group,
    state,
    code,
    error,
    migration,
    attempt,
    since,
    host,
  }))
  return JSON.stringify({ bundle: found.bundle, tenants: found.count, ...countsOf(found), not_done: notDone }, null, 2)
}
