import { randomBytes } from 'node:crypto'
import { lockKey } from '../../postgres/lock-key.ts'

/** What the comment of a database of ours says of it. */
export interface Mark {
  /** A template is `half` until all of it is there: its maker holds the lock, or has been killed. */
  readonly kind: 'half' | 'template' | 'clone'
  /** All that its content depends on, as one hash. */
  readonly key: string
  /** The database in which its lock is held; what was made from another one is not ours to judge. */
  readonly from: string
  /** When a template was last asked for (to the hour), when a clone was made; in milliseconds. */
  readonly used: number
}

/** The name of the template with that key. */
export function templateName(key: string): string {
  return `upfront_template_${key.slice(0, 20)}`
}

/** The lock that its maker holds, in the database of the URL. */
export function templateLock(key: string): bigint {
  return lockKey(`test databases ${key}`)
}

/** A name for a clone of it, another one each time. */
export function cloneName(key: string): string {
  return `upfront_test_${key.slice(0, 8)}_${randomBytes(8).toString('hex')}`
}

/** The names that we give, as a regular expression of Postgres. */
export const ourNames = '^upfront_(template_[0-9a-f]{20}|test_[0-9a-f]{8}_[0-9a-f]{16})$'

const words = {
  half: 'upfront: half a template of test databases',
  template: 'upfront: the template of test databases',
  clone: 'upfront: a test database',
}

/** The comment that says it. */
export function writeMark(mark: Mark): string {
  return `${words[mark.kind]} ${JSON.stringify(mark)}`
}

/** What a comment says, null when it is none of ours. */
export function readMark(comment: string | null): Mark | null {
  const word = Object.values(words).find((one) => comment?.startsWith(`${one} `))
  if (comment === null || word === undefined) return null
  try {
    const mark = JSON.parse(comment.slice(word.length)) as Mark | null
    return mark && mark.kind in words && typeof mark.key === 'string' && typeof mark.used === 'number' ? mark : null
  } catch {
    return null
  }
}
