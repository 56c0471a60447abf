import type { ChunkPlace } from '../checks/check-stream.ts'
import type { ChunkLayout } from '../folder/chunks.ts'
import type { Isolation, Limits, StatedIndex, StatedTarget, Statement } from '../migration.ts'
import type { TextLayout } from '../sql/script.ts'

type PackedStatement = readonly [
  start: number,
  end: number,
  line: number,
  kind: string,
  alone: 0 | 1,
  index?: StatedIndex | null,
  target?: StatedTarget,
]

/** A BEGIN ... COMMIT block: which statement it is, and what is inside. */
type PackedBlock = readonly [
  statement: number,
  open: number,
  close: number,
  inside: readonly (readonly [start: number, end: number, line: number, kind: string])[],
]

/** How SQL runs: its statements, or of a large file its chunks, as `pieces`. What is false or empty is left out. */
export interface PackedScript {
  readonly size: number
  readonly transaction?: false
  readonly isolation?: Isolation | undefined
  readonly limits?: Limits | undefined
  readonly joinable?: true
  readonly statements?: readonly PackedStatement[]
  readonly session?: TextLayout['session']
  readonly blocks?: readonly PackedBlock[]
  readonly blanks?: TextLayout['blanks']
  readonly copies?: TextLayout['copies']
  readonly pieces?: readonly ChunkPlace[]
}

/** A layout as the manifest keeps it. */
export function packLayout(layout: TextLayout | ChunkLayout): PackedScript {
  if ('chunks' in layout) {
    const { chunks: pieces, ...rest } = layout
    return { ...rest, pieces }
  }
  const { size, transaction, isolation, limits, joinable, statements, session, blanks, copies } = layout
  const blocks = statements.flatMap(({ block }, number) => (block ? [packBlock(block, number)] : []))
  return {
    size,
    ...(transaction ? {} : { transaction: false as const }),
    isolation,
    ...(limits ? { limits } : {}),
    ...(joinable ? { joinable: true as const } : {}),
    statements: statements.map(packStatement),
    ...(session ? { session } : {}),
    ...(blocks.length > 0 ? { blocks } : {}),
    ...(blanks.length > 0 ? { blanks } : {}),
    ...(copies.length > 0 ? { copies } : {}),
  }
}

function packStatement({ start, end, line, kind, alone, index, target }: Statement): PackedStatement {
  if (target) return [start, end, line, kind, 1, null, target]
  return index ? [start, end, line, kind, 1, index] : [start, end, line, kind, alone ? 1 : 0]
}

function packBlock({ open, close, statements }: NonNullable<Statement['block']>, number: number): PackedBlock {
  return [number, open, close, statements.map(({ start, end, line, kind }) => [start, end, line, kind] as const)]
}

/** The statements of a manifest's entry. */
export function unpackStatements({ statements = [], blocks = [] }: PackedScript): Statement[] {
  const byNumber = new Map(blocks.map((block) => [block[0], block]))
  return statements.map(([start, end, line, kind, alone, index, target], number) => {
    const block = byNumber.get(number)
    return {
      start,
      end,
      line,
      kind,
      alone: alone === 1,
      ...(index ? { index } : {}),
      ...(target ? { target } : {}),
      ...(block ? { block: unpackBlock(block) } : {}),
    }
  })
}

function unpackBlock([, open, close, inside]: PackedBlock): NonNullable<Statement['block']> {
  return { open, close, statements: inside.map(([start, end, line, kind]) => ({ start, end, line, kind })) }
}
