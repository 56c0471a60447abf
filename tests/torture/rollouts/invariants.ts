// What has to be true after every event of a walk.
import { marks } from './images.ts'
import { type World, allMigrations, isApplied, isHalfDone, readColumns, readRows } from './world.ts'

/** A line for each thing that is wrong. */
export async function findWrong(world: World): Promise<readonly string[]> {
  return [...(await findDeprived(world)), ...(await findTorn(world))]
}

/** Pods that may work on and cannot, because a column is gone. */
async function findDeprived(world: World): Promise<readonly string[]> {
  const before = world.pods.filter((pod) => pod.isProtected())
  const columns = await readColumns(world)
  return before.flatMap((pod) => {
    const lacks = pod.image.needs.filter((column) => !columns.has(column))
    if (lacks.length === 0 || !pod.isProtected()) return []
    return [`pod ${pod.id} of v${pod.image.n} has passed its gate and holds, and these are gone: ${lacks.join()}`]
  })
}

/** Migrations that ran twice, not at all, or otherwise than the history says. */
async function findTorn(world: World): Promise<readonly string[]> {
  const [rows, columns] = [await readRows(world), await readColumns(world)]
  const sums = new Map(
    (await world.db.query<{ mark: string; n: number }>('select mark, sum(n)::int as n from rig.ledger group by 1')).map(({ mark, n }) => [mark, n]), // prettier-ignore
  )
  const wrong: string[] = []
  for (const one of allMigrations(world)) {
    const ran = marks(one).map((mark) => sums.get(mark) ?? 0)
    if (isHalfDone(rows, one.name)) {
      if (!one.outside) wrong.push(`${one.name} is half done, although it runs in a transaction`)
      if (ran.some((n) => n !== 0 && n !== 1)) wrong.push(`${one.name} is half done and ran ${ran.join('/')} times`)
      continue
    }
    const wanted = isApplied(rows, one.name) ? 1 : 0
    if (ran.some((n) => n !== wanted)) wrong.push(`${one.name} ran ${ran.join('/')} times, and should have ${wanted}`)
    const dropped = (name: string) => allMigrations(world).some(({ name: by, drops }) => drops.includes(name) && rows.some((row) => row.name === by)) // prettier-ignore
    const there = one.adds.filter((column) => columns.has(column) || dropped(column))
    if (wanted === 1 && there.length < one.adds.length) wrong.push(`${one.name} is applied, and its columns are not there`) // prettier-ignore
    const left = one.drops.filter((column) => columns.has(column))
    if (wanted === 1 && left.length > 0) wrong.push(`${one.name} is applied, and ${left.join()} still there`)
  }
  return wrong
}
