import { Failure } from '../../errors.ts'
import type { Migration } from '../../migration.ts'
import type { Session } from '../../postgres/session.ts'
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
  const [first] = found
  if (!first) return
  throw new Failure('REFUSED', `${call(first.one)} has to stay, and ${first.by} makes it; nothing was changed`, {
    list: found.flatMap(({ one, needs }) => needs.map((need) => `${call(one)} is needed by ${need}`)),
    next:
      `Move what is not of these migrations elsewhere (alter ... set schema), or write "create ${first.one.kind} if not ` +
      'exists", with which a reset leaves it where it is.',
  })
}

/** The same for roles, which are the server's: no reset drops them. */
export async function refuseRoles(session: Session, migrations: readonly Migration[]): Promise<void> {
  const made = new Map<string, string>()
  for (const { name, script } of migrations) {
    for (const { kind, sql } of statementsOf(script)) {
      // They are made and dropped again, in whatever order.
      if (kind === 'DropRoleStmt') return
      const role =
        kind === 'CreateRoleStmt' && /^\s*create\s+(?:role|user|group)\s+("(?:[^"]|"")+"|[\w$]+)/i.exec(sql)?.[1]
      if (role) made.set(role.startsWith('"') ? role.slice(1, -1).replaceAll('""', '"') : role.toLowerCase(), name)
    }
  }
  if (made.size === 0) return
  const sql = 'select rolname as name from pg_catalog.pg_roles where rolname = any($1) order by 1'
  const there = await session.query<{ name: string }>(sql, [[...made.keys()]])
  if (there.length === 0) return
  throw new Failure(
    'REFUSED',
    'roles are of the server and stay, and migrations make them again; nothing was changed',
    {
      list: there.map(({ name }) => `role ${name}, made by ${made.get(name)!}`),
      next: 'Drop the roles first, or have the migration ask: do $$ begin create role ...; exception when duplicate_object then end $$',
    },
  )
}

/** The migration that makes it and would fail where it is already. */
function maker({ one }: Kept, { steps }: SchemaStory, migrations: readonly Migration[]): string | undefined {
  const step = steps.find(({ put }) => put.some((other) => keyOf(other) === one.key))
  const migration = migrations.find(({ name }) => name.normalize('NFC') === step?.migration)
  if (!step || !migration) return undefined
  const bare = one.name.replace(/^"|"$/g, '').replaceAll('""', '"').toLowerCase()
  const fails = statementsOf(migration.script).some(({ kind, sql }) => {
    const isOfIt = kind === statements[one.kind] && sql.toLowerCase().includes(bare)
    return isOfIt && !/^\s*create\s+\w+\s+if\s+not\s+exists/i.test(sql)
  })
  return fails ? step.migration : undefined
}

/** Those of a file that is small enough to be known by its statements. */
function statementsOf(script: Migration['script']): { readonly kind: string; readonly sql: string }[] {
  if (script.kind !== 'sql' || script.statements.length === 0) return []
  const text = script.read()
  return script.statements.map(({ kind, start, end }) => ({ kind, sql: text.slice(start, end) }))
}
