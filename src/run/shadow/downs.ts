import { Failure, type Problem } from '../../errors.ts'
import type { Bundle, Identity } from '../../migration.ts'
import type { Description } from '../../schema/description.ts'
import { compareSchemas, isSame } from '../../schema/difference.ts'
import { type SchemaStory, schemaAfter } from '../../schema/steps.ts'
import { tellDifference } from '../../schema/tell.ts'
import { loadModule } from '../modules/module.ts'
import { type Stage, readClaimed, takeBack, upTo } from './stage.ts'

/** Whether a migration has a way back. */
export async function hasDown(bundle: Bundle, one: Identity): Promise<boolean> {
  const { sql, module } = await bundle.openDown(one)
  if (sql !== null || module === null) return sql !== null
  return (await loadModule(module, one.file)).down !== undefined
}

/**
 * Takes the newest back and applies it again; answers what the way back leaves. Throws INVALID when it does not run, or
 * leads elsewhere the second time.
 */
export async function downAndUp(
  stage: Stage,
  name: string,
  before: Description,
  after: Description,
): Promise<Problem[]> {
  await takeBack(stage, name)
  const left = tellAll(before, await readClaimed(stage))
  await upTo(stage, name)
  const second = tellAll(after, await readClaimed(stage))
  if (second.length > 0) {
    throw new Failure('INVALID', `${name}, taken back and applied again, makes another schema than the first time`, {
      list: second,
      next: 'Mend its down, so that all of it can be made again.',
    })
  }
  return leadsElsewhere(name, left)
}

/**
 * Takes everything back, as far as there are downs, and applies it again, in a folder of another tool: its downs are
 * applied nowhere and will not be mended, so what is wrong with them is answered, and stops nothing.
 */
export async function allTheWayBack(stage: Stage, story: SchemaStory): Promise<Problem[]> {
  const migrations = await stage.bundle.list()
  let name = ''
  try {
    for (let i = migrations.length - 1; i >= 0 && (await hasDown(stage.bundle, migrations[i]!)); i -= 1) {
      name = migrations[i]!.name
      await takeBack(stage, name)
      if (i === 0) break
      const left = tellAll(schemaAfter(story, migrations[i - 1]!.name)!, await readClaimed(stage))
      if (left.length > 0) return leadsElsewhere(name, left)
    }
    await upTo(stage)
    const second = tellAll(schemaAfter(story)!, await readClaimed(stage))
    return second.length === 0
      ? []
      : [{ what: `taken back and applied again, they make another schema: ${second.join('; ')}` }]
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'INVALID') throw error
    return [{ what: `${error.message}${error.facts.reason === undefined ? '' : `: ${error.facts.reason}`}`, name }]
  }
}

function leadsElsewhere(name: string, left: readonly string[]): Problem[] {
  const what = `the down of ${name} does not lead back to where it came from: ${left.join('; ')}`
  return left.length === 0 ? [] : [{ what, name }]
}

function tellAll(expected: Description, found: Description): string[] {
  const difference = compareSchemas(expected, found, { exclude: [], also: [] })
  return isSame(difference) ? [] : tellDifference(difference)
}
