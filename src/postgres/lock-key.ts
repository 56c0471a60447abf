import { createHash } from 'node:crypto'

/** The advisory lock of a history schema: the first eight bytes of sha256("upfront:" + schema), as a signed bigint. */
export function lockKey(schema: string): bigint {
  return createHash('sha256').update(`upfront:${schema}`).digest().readBigInt64BE(0)
}
