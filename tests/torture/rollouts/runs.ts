// Runs of an image, each held against what status and plan said a moment before.
import type { Outcome } from '../../support/run.ts'
import type { Image } from './images.ts'
import { type Row, type World, aheadOf, floorsOf, grantPods, isApplied, isHalfDone, readRows } from './world.ts'

/** How an image is run. */
export interface Way {
  readonly command: 'up' | 'contract'
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

interface Said {
  readonly plan: Outcome
  readonly planned: readonly string[]
  readonly status: Outcome
}

/** Throws what is wrong with the outcome. */
export async function runImage(world: World, image: Image, way: Way): Promise<Outcome> {
  const { db } = world
  const env = { ...world.env, ...image.env, ...way.env }
  const rows = await readRows(world)
  const tripped = await db.query('select from rig.knobs')
  const said = await ask(world, env)
  const out = await db.run([way.command, ...(way.flags ?? [])], env)
  await grantPods(world)
  world.story.push(`  -> ${out.exitCode} ${out.applied.join()}${out.exitCode === 0 ? '' : ` ${lastLine(out)}`}`)
  const wrong = judge(world, image, way, { rows, after: await readRows(world), said, out, mayTrip: tripped.length > 0 })
  if (wrong.length > 0) throw new Error(`${wrong.join('\n')}\nplan: ${said.plan.stdout}\n${said.plan.stderr}\nstatus (${said.status.exitCode}): ${said.status.stdout}\n${out.stderr}`) // prettier-ignore
  return out
}

const lastLine = ({ stderr }: Outcome) => stderr.trimEnd().split('\n').at(-1)

async function ask({ db }: World, env: Readonly<Record<string, string>>): Promise<Said> {
  const plan = await db.run(['plan', '--json'], env)
  const status = await db.run(['status', '--exit-code'], env)
  const pending = plan.exitCode === 0 ? (JSON.parse(plan.stdout).pending as { name: string; kind: string }[]) : []
  return { plan, status, planned: pending.flatMap(({ kind, name }) => (kind === 'migration' ? [name] : [])) }
}

interface Seen {
  readonly rows: readonly Row[]
  readonly after: readonly Row[]
  readonly said: Said
  readonly out: Outcome
  /** Whether a migration may fail because the walk wants it. */
  readonly mayTrip: boolean
}

function judge(world: World, image: Image, way: Way, seen: Seen): readonly string[] {
  const { rows, after, said, out, mayTrip } = seen
  const { exitCode, stderr, applied } = out
  const wrong: string[] = []
  const floors = floorsOf(world, image, rows)
  if (floors.length > 0) {
    if (exitCode !== 21 || !stderr.includes(floors.at(-1)!)) wrong.push(`below ${floors.join()}, and not refused by that name`) // prettier-ignore
    for (const [what, { exitCode: code }] of Object.entries({ plan: said.plan, status: said.status }))
      if (code !== 21) wrong.push(`${what} ends with ${code} although ${way.command} is refused`)
    return wrong
  }
  const contracts = new Set(image.migrations.flatMap(({ name, contract }) => (contract ? [name] : [])))
  const isAhead = aheadOf(image, rows).length > 0
  const begun = [...contracts].some((name) => isHalfDone(rows, name))
  const codes = [0, ...(mayTrip ? [22, 23, 26] : []), ...(way.command === 'contract' ? [28, 34] : []), ...(isAhead && begun ? [21] : [])] // prettier-ignore
  if (!codes.includes(exitCode)) wrong.push(`ended with ${exitCode}`)
  if (exitCode !== 0) return wrong
  const lacking = image.migrations.filter(({ name, contract }) => !isApplied(after, name) && (!contract || way.command === 'contract')) // prettier-ignore
  if (lacking.length > 0) wrong.push(`ended with 0 without ${lacking.map(({ name }) => name).join()}`)
  const looks = way.command === 'contract' || way.env?.['UPFRONT_CONTRACT'] === 'when-safe'
  const comparable = (names: readonly string[]) => names.filter((name) => !looks || !contracts.has(name)).join()
  const done = applied.filter((name) => image.migrations.some((one) => one.name === name))
  if (said.plan.exitCode !== 0) wrong.push(`plan ended with ${said.plan.exitCode}`)
  else if (comparable(done) !== comparable(said.planned)) wrong.push(`planned ${said.planned.join()}, applied ${done.join()}`) // prettier-ignore
  const nothing = applied.every((name) => contracts.has(name))
  if (said.status.exitCode === 21) wrong.push('status says that it is refused')
  if (said.status.exitCode === 0 && !nothing) wrong.push(`status says that nothing is pending, and ${applied.join()} was applied`) // prettier-ignore
  // Of an image that the database is ahead of, seeds that never ran are pending, and up says that it leaves them.
  if (said.status.exitCode === 34 && !isAhead && applied.length + out.seeded.length === 0) wrong.push('status says that something is pending, and nothing was applied') // prettier-ignore
  if (isAhead && applied.length > 0) wrong.push(`applied ${applied.join()} although the database is ahead`)
  return wrong
}
