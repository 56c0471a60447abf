import { type LocalSettings, withLocalSettings } from '../../postgres/local-settings.ts'
import type { Session } from '../../postgres/session.ts'
import type { ObjectKind } from '../../schema/description.ts'

/** A question of a description, and what nobody hears of when it cannot be asked. */
export interface Question {
  readonly about: string
  readonly kinds: readonly ObjectKind[]
  readonly sql: string
}

/**
 * Which questions this role may not ask, each with a sentence that says why: somebody has revoked the right to read a
 * catalog or to call a function that everybody has from initdb on.
 */
export async function findUnseen(
  session: Session,
  questions: readonly Question[],
  local: LocalSettings | undefined,
): Promise<ReadonlyMap<Question, string>> {
  const names = [...new Set(questions.flatMap(({ sql }) => namesIn(sql)))]
  const list = names.map((name) => session.client.escapeLiteral(name)).join(', ')
  const asked = local === undefined ? session : withLocalSettings(session, local)
  const [row] = await asked.query<{ catalogs: string[]; functions: string[] }>(
    `select array(select c.relname::text from pg_catalog.pg_class c where c.relnamespace = 'pg_catalog'::regnamespace
        and c.relname in (${list}) and not pg_catalog.has_any_column_privilege(c.oid, 'select')) as catalogs,
      array(select p.proname::text from pg_catalog.pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
        and p.proname in (${list}) and not pg_catalog.has_function_privilege(p.oid, 'execute')) as functions`,
  )
  const refused = new Map<string, string>([
    ...row!.catalogs.map((name) => [name, `read ${name}`] as const),
    ...row!.functions.map((name) => [name, `call ${name}()`] as const),
  ])
  const unseen = new Map<Question, string>()
  for (const question of questions) {
    const reasons = namesIn(question.sql).flatMap((name) => refused.get(name) ?? [])
    if (reasons.length > 0)
      unseen.set(question, `the role may not ${reasons.join(' and ')}: ${question.about} were not looked at`)
  }
  return unseen
}

const used = /\b(pg_\w+|acl\w+|format_type|oidvectortypes|quote_\w+)\b/g

function namesIn(sql: string): string[] {
  return [...new Set(sql.match(used) ?? [])]
}
