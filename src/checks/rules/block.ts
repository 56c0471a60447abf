import type { Place, Problem } from '../../errors.ts'
import type { Statement } from '../../migration.ts'
import type { Node } from '../../sql/parser.ts'
import { finding } from '../finding.ts'
import type { AloneStatement } from './alone.ts'
import type { Control } from './transaction-control.ts'

/** The units of a file outside a transaction, and what is wrong with its BEGIN ... COMMIT blocks. */
export interface Units {
  readonly units: readonly Statement[]
  readonly problems: readonly Problem[]
}

/** What the statements of a file are that begin or end transactions, and what has to be outside of one. */
interface Controls {
  readonly controls: readonly Control[]
  readonly alone: readonly AloneStatement[]
  /** Of another tool, whose own transaction is around the file: a COMMIT leaves it, a BEGIN at the end gives it back. */
  readonly isForeign: boolean
}

/** Makes one unit of each BEGIN ... COMMIT block; everything else that begins or ends a transaction is a mistake. */
export function joinBlocks(statements: readonly Statement[], { controls, alone, isForeign }: Controls): Units {
  const units: Statement[] = []
  const problems: Problem[] = []
  const refuse = ({ place }: Pick<Control, 'place'>, what: string, next: string) =>
    void problems.push(finding('transaction-control', what, place, next))
  let open: { readonly control: Control; readonly begin: Statement; readonly inside: Statement[] } | null = null
  for (const [number, statement] of statements.entries()) {
    const control = controls.find((one) => one.statement === number)
    if (!control) {
      const single = alone.find((one) => one.statement === number)
      if (open && single)
        refuse(single, `${single.name} cannot run inside a BEGIN ... COMMIT block`, 'Put it behind the COMMIT.')
      ;(open?.inside ?? units).push(statement)
    } else if (control.name.startsWith('SET')) {
      if (!open?.inside.every(({ kind }) => kind === 'VariableSetStmt'))
        refuse(control, `${control.name} comes too late: it has to be the first of its block`, 'Put it behind the BEGIN, or remove it.') // prettier-ignore
      ;(open?.inside ?? units).push(statement)
    } else if (control.begins) {
      if (open)
        refuse(control, `${control.name} inside a block: Postgres knows no nested transactions`, 'Use SAVEPOINT, or end the first block with COMMIT.') // prettier-ignore
      else open = { control, begin: statement, inside: [] }
    } else if (control.closes && open) {
      units.push(makeBlock(open.begin, open.inside, statement))
      open = null
    } else if (control.closes && isForeign) {
      // What stood before it is committed already, statement by statement.
      continue
    } else if (control.closes) {
      refuse(
        control,
        `${control.name} without a BEGIN before it`,
        'Remove it: every statement here is committed by itself.',
      )
    } else {
      const isEnd = control.name === 'ROLLBACK'
      const what = isEnd && open ? 'a block that is rolled back does nothing' : `${control.name} is not supported here: a block is BEGIN ... COMMIT` // prettier-ignore
      refuse(control, what, isEnd ? 'Remove it, or end the block with COMMIT.' : 'Remove it, or write the block with BEGIN and COMMIT.') // prettier-ignore
      if (isEnd) open = null
    }
  }
  if (open && isForeign) units.push(...open.inside)
  else if (open) refuse(open.control, `${open.control.name} without a COMMIT behind it`, 'End the block with COMMIT.')
  return { units, problems }
}

function makeBlock(begin: Statement, inside: readonly Statement[], commit: Statement): Statement {
  const first = inside.findIndex(({ kind }) => kind !== 'VariableSetStmt')
  const early = inside.slice(0, first === -1 ? inside.length : first)
  const statements = inside.map(({ start, end, line, kind }) => ({ start, end, line, kind }))
  const block = { open: early.at(-1)?.end ?? begin.end, close: commit.start, statements }
  return { start: begin.start, end: commit.end, line: begin.line, kind: 'Block', alone: false, block }
}

/** Whether a BEGIN or a SET asks for a transaction in which the progress of the file could not be recorded. */
export function isReadOnly(kind: string, node: Node): boolean {
  if (kind === 'VariableSetStmt' && node['name'] !== 'TRANSACTION') return false
  if (kind !== 'TransactionStmt' && kind !== 'VariableSetStmt') return false
  return /"defname":"transaction_read_only","arg":\{"A_Const":\{"ival":\{"ival":1\}/.test(JSON.stringify(node))
}

/** The progress of the file is written in the same transaction. */
export function refuseReadOnly(place: Place): Problem {
  const what = 'READ ONLY in a file outside a transaction: its progress could not be recorded'
  return finding('transaction-control', what, place, 'Remove it.')
}
