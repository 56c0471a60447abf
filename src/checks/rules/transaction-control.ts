import type { Place, Problem } from '../../errors.ts'
import { type Isolation, isolations } from '../../migration.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'

/** A statement that begins or ends a transaction. */
export interface Control {
  readonly name: string
  /** Whether it may be one of the pair around a whole file. */
  readonly opens: boolean
  readonly closes: boolean
  /** Whether it begins a transaction, of whatever kind. */
  readonly begins: boolean
  /** Which statement of the file, from 0. */
  readonly statement: number
  readonly place: Place
}

const names: Readonly<Record<string, string>> = {
  TRANS_STMT_BEGIN: 'BEGIN',
  TRANS_STMT_START: 'START TRANSACTION',
  TRANS_STMT_COMMIT: 'COMMIT',
  TRANS_STMT_ROLLBACK: 'ROLLBACK',
  TRANS_STMT_PREPARE: 'PREPARE TRANSACTION',
  TRANS_STMT_COMMIT_PREPARED: 'COMMIT PREPARED',
  TRANS_STMT_ROLLBACK_PREPARED: 'ROLLBACK PREPARED',
}

/**
 * What a statement does to the transaction that it is in; null when nothing, as with savepoints. An assertion is rolled
 * back, and may say so.
 */
export function controlOf(
  kind: string,
  node: Node,
  role = 'migration',
): Pick<Control, 'name' | 'opens' | 'closes' | 'begins'> | null {
  if (kind === 'VariableSetStmt') return isolationOf(kind, node) === null ? null : lateLevel
  const name = kind === 'TransactionStmt' ? names[String(node['kind'])] : undefined
  if (name === undefined) return null
  const bare = options(node).every((name) => name === 'transaction_isolation') && node['chain'] === undefined
  const begins = name === 'BEGIN' || name === 'START TRANSACTION'
  return {
    name: node['chain'] ? `${name} AND CHAIN` : name,
    opens: bare && begins,
    closes: bare && (name === 'COMMIT' || (name === 'ROLLBACK' && role === 'verify')),
    begins,
  }
}

/** After a query Postgres refuses it (25001), whoever began the transaction. */
const lateLevel = { name: 'SET TRANSACTION ISOLATION LEVEL', opens: false, closes: false, begins: false }

/** The level that a SET TRANSACTION or a BEGIN asks for; null for read committed, which everybody has. */
export function isolationOf(kind: string, node: Node): Isolation | null {
  const asks =
    kind === 'TransactionStmt'
      ? options(node).includes('transaction_isolation')
      : kind === 'VariableSetStmt' &&
        (node['name'] === 'transaction_isolation' ||
          (node['name'] === 'TRANSACTION' && options(node).includes('transaction_isolation')))
  if (!asks) return null
  const said = JSON.stringify(node['options'] ?? node['args']).toLowerCase()
  return isolations.find((level) => said.includes(`"${level}"`)) ?? null
}

/** The names of the options of a BEGIN or a SET TRANSACTION. */
function options(node: Node): string[] {
  const list = (node['options'] ?? node['args'] ?? []) as readonly {
    readonly DefElem?: { readonly defname?: string }
  }[]
  return list.map(({ DefElem }) => DefElem?.defname ?? '')
}

/** Whether the only two are a BEGIN before everything and a COMMIT after everything. */
export function isOuterPair(controls: readonly Control[], statements: number): boolean {
  const [first, last] = controls
  return (
    controls.length === 2 &&
    first!.opens &&
    first!.statement === 0 &&
    last!.closes &&
    last!.statement === statements - 1
  )
}

/** The notice about a pair that is left out. */
export function pairNotice({ name, place }: Control): Problem {
  const what = `${name} ... COMMIT around the whole file is left out: upfront runs it in a transaction of its own`
  return finding('transaction-control', what, place, 'Nothing has to be done.')
}

/** Anything else would end the transaction that holds the lock, the file and its row in the history together. */
export function refuseControls(controls: readonly Control[], role = 'migration'): Problem[] {
  return controls.map(({ name, place }) => {
    if (role === 'verify') {
      const what = `${name} would end or change the transaction of the migration that is asserted`
      return finding('transaction-control', what, place, 'Remove it: an assertion is rolled back by itself.')
    }
    if (name.startsWith('SET'))
      return finding(
        'transaction-control',
        `${name} comes too late: it has to be the first statement of its transaction`,
        place,
        'Make it the first statement of the file, or remove it.',
      )
    const what = `${name} would end or replace the transaction in which the file and its row in the history commit together`
    const next =
      'Remove it, or split the file where it stands; with the comment "-- upfront:no-transaction" before its first statement ' +
      'each BEGIN ... COMMIT of it is a unit of its own.'
    return finding('transaction-control', what, place, next)
  })
}
