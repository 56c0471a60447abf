import { Failure } from '../../errors.ts'
import type { Migration } from '../../migration.ts'
import { keyOf } from '../../schema/description.ts'
import type { SchemaStory } from '../../schema/steps.ts'
import { type Dropping, type Kept, call } from './dropping.ts'

const statements: Readonly<Record<string, string>> = { schema: 'CreateSchemaStmt', extension: 'CreateExtensionStmt' }

/**
 * Throws REFUSED when something has to stay that a migration makes without asking whether it is there: it would stop there,
 * with everything before it gone. What a module does nobody can tell.
 */
export function refuseWhatStays({ kept }: Dropping, story: SchemaStory, migrations: readonly Migration[]): void {
  const found = kept.flatMap((one) => {
    const by = maker(one, story, migrations)
    return by === undefined ? [] : [{ ...one, by }]
  })
  if (found.length === 0) return
  throw new Failure(
    'REFUSED',
    `${call(found[0]!.one)} has to stay, and ${found[0]!.by} makes it; nothing was changed`,
    {
      list: found.flatMap(({ one, needs }) => needs.map((need) => `${call(one)} is needed by ${need}`)),
      next:
        `Move what is not of these migrations elsewhere (alter ... set schema), or write "create ${found[0]!.one.kind} if not ` +
        'exists", with which a reset leaves it where it is.',
    },
  )
}

/** The migration that makes it and would fail where it is already. */
function maker({ one }: Kept, { steps }: SchemaStory, migrations: readonly Migration[]): string | undefined {
  const step = steps.find(({ put }) => put.some((other) => keyOf(other) === one.key))
  const script = migrations.find(({ name }) => name.normalize('NFC') === step?.migration)?.script
  if (!step || script?.kind !== 'sql' || script.statements.length === 0) return undefined
  const text = script.read()
  const bare = one.name.replace(/^"|"$/g, '').replaceAll('""', '"').toLowerCase()
  const fails = script.statements.some(({ kind, start, end }) => {
    const sql = text.slice(start, end).toLowerCase()
    return kind === statements[one.kind] && sql.includes(bare) && !/^\s*create\s+\w+\s+if\s+not\s+exists/.test(sql)
  })
  return fails ? step.migration : undefined
}
