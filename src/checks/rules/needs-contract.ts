import type { Place, Problem } from '../../errors.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'

/** What a statement takes away that the version before may use. */
export interface Taken {
  readonly what: string
  /** The relation as it is written; null where it is something else. */
  readonly of: string | null
  readonly place: Place
}

const dropped: Readonly<Record<string, string>> = {
  OBJECT_TABLE: 'table',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_FOREIGN_TABLE: 'foreign table',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'domain',
  OBJECT_SCHEMA: 'schema',
}

const renamed: Readonly<Record<string, string>> = { ...dropped, OBJECT_COLUMN: 'column', OBJECT_ATTRIBUTE: 'attribute' }

const changes: Readonly<Record<string, string>> = {
  AT_DropColumn: 'drops the column',
  AT_SetNotNull: 'sets NOT NULL on',
  AT_AlterColumnType: 'changes the type of',
}

/** What this statement takes away; nothing for most. */
export function takenAway(kind: string, node: Node, place: Place): Taken[] {
  if (kind === 'DropStmt') {
    const type = dropped[String(node['removeType'])]
    return type === undefined ? [] : [{ what: `drops a ${type}`, of: droppedName(node), place }]
  }
  const relation = node['relation'] as { readonly schemaname?: string; readonly relname?: string } | undefined
  const of = relation?.relname === undefined ? null : nameOf([relation.schemaname, relation.relname])
  if (kind === 'RenameStmt') {
    const type = renamed[String(node['renameType'])]
    return type === undefined ? [] : [{ what: `renames a ${type}`, of, place }]
  }
  if (kind !== 'AlterTableStmt') return []
  const commands = (node['cmds'] ?? []) as readonly { readonly AlterTableCmd?: Node }[]
  return commands.flatMap(({ AlterTableCmd: one }) => {
    const change = changes[String(one?.['subtype'])]
    return change === undefined ? [] : [{ what: `${change} ${String(one!['name'])}`, of, place }]
  })
}

/** Of what is taken away, that which the file has not made itself; a notice for each. */
export function needContract(taken: readonly Taken[], creates: readonly string[]): Problem[] {
  const own = new Set(creates)
  return taken.flatMap(({ what, of, place }) =>
    of !== null && own.has(of)
      ? []
      : [
          finding(
            'needs-contract',
            `${what}${of === null ? '' : ` of ${of}`}, which the version before may still use`,
            place,
            'Put it into a migration of its own that begins with "-- upfront:contract", to be applied when nothing older is left.',
          ),
        ],
  )
}

function droppedName(node: Node): string | null {
  const objects = (node['objects'] ?? []) as readonly { readonly List?: { readonly items?: readonly Node[] } }[]
  const items = objects.length === 1 ? objects[0]!.List?.items : undefined
  const parts = items?.map((one) => (one['String'] as { readonly sval?: string } | undefined)?.sval)
  return parts === undefined || parts.includes(undefined) ? null : nameOf(parts)
}

function nameOf(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('.')
}
