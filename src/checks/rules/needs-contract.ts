import type { Place, Problem } from '../../errors.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'
import { type Named, columnKey, namedByStrings, namedRelation, namedSchema } from '../made.ts'

/** What a statement takes away that the version before may use. */
export interface Taken {
  readonly what: string
  /** As it is written; null where the statement does not say it in one name. */
  readonly of: string | null
  /** Made by the same file under one of these before, it is nobody's yet. */
  readonly keys: readonly string[]
  /** Whether it is only replaced when the file makes one of that name behind it. */
  readonly isView: boolean
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
  const take = (what: string, of: Named | null, column?: unknown, isView = false): Taken => {
    const keys = of === null ? [] : [of.key, ...(column === undefined ? [] : [columnKey(of, column)])]
    return { what, of: of?.written ?? null, keys, isView, place }
  }
  if (kind === 'DropStmt') {
    const type = dropped[String(node['removeType'])]
    const isView = type === 'view' || type === 'materialized view'
    return type === undefined ? [] : droppedNames(node).map((of) => take(`drops a ${type}`, of, undefined, isView))
  }
  const of = nameOf(node)
  if (kind === 'RenameStmt') {
    const type = renamed[String(node['renameType'])]
    const isPart = type === 'column' || type === 'attribute'
    const whole = type === 'schema' ? namedSchema(node['subname']) : of
    return type === undefined
      ? []
      : [take(`renames ${type === 'attribute' ? 'an' : 'a'} ${type}`, whole, isPart ? node['subname'] : undefined)]
  }
  if (kind === 'AlterObjectSchemaStmt') {
    const type = dropped[String(node['objectType'])]
    return type === undefined ? [] : [take(`changes the schema of a ${type}`, of)]
  }
  if (kind === 'AlterEnumStmt') return node['oldVal'] === undefined ? [] : [take('renames a value', of)]
  if (kind !== 'AlterTableStmt') return []
  const commands = (node['cmds'] ?? []) as readonly { readonly AlterTableCmd?: Node }[]
  return commands.flatMap(({ AlterTableCmd: one }) => {
    const subtype = String(one?.['subtype'])
    const change = changes[subtype]
    // A column that is new is not written by the version before, which NOT NULL stops all the same.
    const column = subtype === 'AT_SetNotNull' ? undefined : one!['name']
    return change === undefined ? [] : [take(`${change} ${String(one!['name'])}`, of, column)]
  })
}

/** Of what is taken away, that which is not there again behind the file; a notice for each. */
export function needContract(taken: readonly Taken[], made: ReadonlySet<string>): Problem[] {
  return taken.flatMap(({ what, of, keys, isView, place }) =>
    isView && keys.some((key) => made.has(key))
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

function nameOf(node: Node): Named | null {
  const { List } = (node['object'] ?? {}) as { readonly List?: { readonly items?: unknown } }
  return namedRelation(node['relation']) ?? namedByStrings(node['typeName']) ?? namedByStrings(List?.items)
}

function droppedNames(node: Node): readonly (Named | null)[] {
  const objects = (node['objects'] ?? []) as readonly {
    readonly List?: { readonly items?: unknown }
    readonly TypeName?: { readonly names?: unknown }
    readonly String?: { readonly sval?: string }
  }[]
  return objects.map(({ List, TypeName, String: schema }) =>
    schema === undefined ? namedByStrings(List?.items ?? TypeName?.names) : namedSchema(schema.sval),
  )
}
