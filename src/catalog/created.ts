import type { Migration, SqlScript, Statement } from '../migration.ts'
import { ScriptError, rollBack, runScript } from '../postgres/script.ts'
import type { Session } from '../postgres/session.ts'

/**
 * Which relations of each migration exist, looked for where its own file would create them: under the search_path and
 * the role that it sets. A large file keeps no statements, so its relations are looked for where the session looks.
 */
export async function findCreated(
  session: Session,
  migrations: readonly Migration[],
): Promise<ReadonlyMap<Migration, readonly string[]>> {
  const existing = new Set(await findExisting(session, [...new Set(migrations.flatMap(({ creates }) => creates))]))
  const found = new Map<Migration, readonly string[]>()
  for (const migration of migrations) {
    const { creates } = migration
    const isPlain = creates.length === 0 || listSettings(migration).every((settings) => settings.length === 0)
    const names = isPlain
      ? creates.filter((name) => existing.has(name))
      : await findUnderEachSettings(session, migration)
    found.set(migration, names)
  }
  return found
}

async function findUnderEachSettings(session: Session, migration: Migration): Promise<string[]> {
  const answers = await underEachSettings(session, migration, () => findExisting(session, migration.creates))
  const existing = new Set(answers.flat())
  return migration.creates.filter((name) => existing.has(name))
}

/**
 * Asks once under each list of settings with which a migration creates something. Nothing of them stays, because they
 * are set in a transaction that is rolled back; what may not be set is left out.
 */
export async function underEachSettings<Answer>(
  session: Session,
  migration: Migration,
  ask: () => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const settings of listSettings(migration)) {
    if (settings.length === 0) {
      answers.push(await ask())
      continue
    }
    try {
      await runScript(session, 'begin')
      for (const setting of settings) await setIfAllowed(session, setting)
      answers.push(await ask())
    } finally {
      await rollBack(session)
    }
  }
  return answers
}

async function setIfAllowed(session: Session, setting: string): Promise<void> {
  try {
    await runScript(session, `savepoint upfront; ${setting};`)
  } catch (error) {
    if (!(error instanceof ScriptError) || (error.error as { code?: string }).code === undefined) throw error
    await runScript(session, 'rollback to savepoint upfront')
  }
}

/**
 * The names among these relations that this session could not create, because they exist: one without a schema is
 * created in the first schema of the search_path that there is, and what a later one has is not in its way.
 */
async function findExisting(session: Session, relations: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `select name from unnest($1::text[]) as name where pg_catalog.to_regclass(case when name ~ '${unqualified}'
      then pg_catalog.quote_ident(pg_catalog.current_schema()) || '.' || name else name end) is not null`,
    [relations],
  )
  return rows.map(({ name }) => name)
}

const unqualified = '^("([^"]|"")+"|[^".]+)$'

const creating = /^(Create(Stmt|SeqStmt|TableAsStmt|ForeignTableStmt)|ViewStmt|IndexStmt)$/

/** The settings under which a file creates something, each list once; the empty one when it creates nothing we know of. */
function listSettings({ script }: Migration): readonly (readonly string[])[] {
  const lists = script.kind === 'sql' && script.statements.some(mayBeSetting) ? collectSettings(script) : []
  return lists.length === 0 ? [[]] : lists
}

function mayBeSetting({ kind, block }: Pick<Statement, 'kind' | 'block'>): boolean {
  return /^(VariableSet|Select)Stmt$/.test(kind) || (block?.statements.some(mayBeSetting) ?? false)
}

function collectSettings(script: SqlScript): (readonly string[])[] {
  const text = script.read()
  const found = new Map<string, readonly string[]>()
  const walk = (
    statements: Iterable<Pick<Statement, 'start' | 'end' | 'kind' | 'block'>>,
    before: SettingsSoFar,
  ): SettingsSoFar => {
    let now = before
    for (const { start, end, kind, block } of statements) {
      if (block) now = { ...walk(block.statements, { ...now, isInside: true }), isInside: false, local: [] }
      else if (creating.test(kind)) found.set(JSON.stringify(settingsOf(now)), settingsOf(now))
      else if (mayBeSetting({ kind })) now = addSetting(now, text.slice(start, end))
    }
    return now
  }
  walk(script.statements, { session: [], local: [], isInside: script.transaction })
  return [...found.values()]
}

/** What has been set so far, for the session and for the transaction, and whether there is a transaction. */
interface SettingsSoFar {
  readonly session: readonly string[]
  readonly local: readonly string[]
  readonly isInside: boolean
}

function settingsOf({ session, local }: SettingsSoFar): readonly string[] {
  return [...session, ...local]
}

const setting = /^(set|reset)\s+((session|local)\s+)?(search_path|schema|role|session\s+authorization|all)\b/i
const call = /^select\s+(pg_catalog\s*\.\s*)?set_config\s*\(\s*'(search_path|role)'[^()]*\)$/i
const local = /^set\s+local\b|,\s*(true|'t(rue)?')\s*\)$/i

function addSetting(soFar: SettingsSoFar, sql: string): SettingsSoFar {
  if (!setting.test(sql) && !call.test(sql)) return soFar
  if (!local.test(sql)) return { ...soFar, session: [...soFar.session, sql] }
  return soFar.isInside ? { ...soFar, local: [...soFar.local, sql] } : soFar
}
