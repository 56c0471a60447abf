import type { Place, Problem } from '../../errors.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'

/** What a statement does to the session that later statements of its file may rely on. */
export type SessionEffect = 'none' | 'again' | { readonly lost: string; readonly next: string }

const inBlock = 'Put it and what relies on it into one BEGIN ... COMMIT block'

/**
 * What a statement of a file outside a transaction leaves in the session: nothing, something that running it again
 * restores, or something that a new session cannot have.
 */
export function sessionEffect(kind: string, node: Node, sql: string, isInBlock: boolean): SessionEffect {
  if (kind === 'PrepareStmt' || kind === 'DeallocateStmt' || kind === 'LoadStmt') return 'again'
  if (kind === 'VariableSetStmt') return isSessionWide(node) ? 'again' : 'none'
  if (isTemporary(kind, node, isInBlock)) {
    const next = `${inBlock} with ON COMMIT DROP, or make it an ordinary table that the file drops at its end.`
    return { lost: 'a temporary relation', next }
  }
  if (kind === 'DeclareCursorStmt' && (Number(node['options'] ?? 0) & 0x20) !== 0)
    return { lost: 'a cursor WITH HOLD', next: `${inBlock}, without WITH HOLD.` }
  if (kind === 'DoStmt')
    return setsInBody.test(sql)
      ? { lost: 'a setting that a DO makes for the session', next: 'Write the SET as a statement of its own.' }
      : 'none'
  const calls = callsOf(node)
  if (kind === 'SelectStmt' && isOfSetters(node)) return calls.every(isLocal) ? 'none' : 'again'
  if (calls.some((call) => call.name === 'set_config' && !isLocal(call)))
    return { lost: 'set_config() among other things', next: 'Write it as a SET of its own.' }
  if (!isInBlock && calls.some(({ name }) => name === 'currval' || name === 'lastval'))
    return { lost: 'currval() or lastval()', next: `${inBlock}, or use INSERT ... RETURNING.` }
  return 'none'
}

/**
 * A new session after an interruption would lack it, and the rest might then change other tables than the file means.
 */
export function refuseLost({ lost, next }: Exclude<SessionEffect, string>, place: Place): Problem {
  const what = `${lost} lives in the session, and a file outside a transaction may go on in another one`
  return finding('session-state', what, place, next)
}

const setsInBody =
  /set_config\s*\([^()]*,\s*false\s*\)|(?:^|;|\bbegin\b|\bthen\b|\belse\b|\bloop\b)\s*(?:set|reset)\s+(?!local\b|constraints\b|transaction\b)\w/i

function isSessionWide(node: Node): boolean {
  return node['is_local'] !== true && !/^(TRANSACTION|transaction_)/.test(String(node['name'] ?? ''))
}

interface Relation {
  readonly relpersistence?: string
  readonly schemaname?: string
}

function isTemporary(kind: string, node: Node, isInBlock: boolean): boolean {
  const into = (node['into'] ?? node['intoClause']) as
    { readonly rel?: Relation; readonly onCommit?: string } | undefined
  const relation = {
    CreateStmt: node['relation'],
    CreateSeqStmt: node['sequence'],
    ViewStmt: node['view'],
    CreateTableAsStmt: into?.rel,
    SelectStmt: into?.rel,
  }[kind] as Relation | undefined
  if (relation === undefined) return false
  const drops = (node['oncommit'] ?? into?.onCommit) === 'ONCOMMIT_DROP'
  return (relation.relpersistence === 't' || relation.schemaname === 'pg_temp') && !(isInBlock && drops)
}

interface Call {
  readonly name: string
  readonly args: readonly Node[]
}

/** Every function that is called by its name. */
function callsOf(value: unknown): Call[] {
  if (Array.isArray(value)) return value.flatMap(callsOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key === 'FuncCall' ? [callOf(inner as Node)] : []),
    ...callsOf(inner),
  ])
}

function callOf(call: Node): Call {
  const names = call['funcname'] as readonly { readonly String?: { readonly sval?: string } }[]
  return { name: names.at(-1)?.String?.sval ?? '', args: (call['args'] ?? []) as readonly Node[] }
}

const setters = /^(set_config|pg_(try_)?advisory_lock(_shared)?|pg_advisory_unlock(_shared)?)$/

/** A SELECT of nothing but functions that set the session, as pg_dump writes it. */
function isOfSetters(node: Node): boolean {
  if (node['fromClause'] !== undefined || node['whereClause'] !== undefined) return false
  const targets = (node['targetList'] ?? []) as readonly { readonly ResTarget?: { readonly val?: Node } }[]
  return (
    targets.length > 0 &&
    targets.every(({ ResTarget }) => {
      const call = ResTarget?.val?.['FuncCall'] as Node | undefined
      return call !== undefined && setters.test(callOf(call).name)
    })
  )
}

function isLocal({ name, args }: Call): boolean {
  const last = args[2]?.['A_Const'] as { readonly boolval?: { readonly boolval?: boolean } } | undefined
  return name === 'set_config' && last?.boolval?.boolval === true
}
