import { rmSync, writeFileSync } from 'node:fs'
import { Failure } from '../../errors.ts'
import type { Run } from '../run.ts'

/** A file that is there while a lease is held, for probes: nothing may be left of a container that was killed. */
export interface ReadyFile {
  readonly write: (text: string) => void
  readonly remove: () => void
}

/** The one that --ready-file names, removed if it is there; nothing without the flag. */
export function openReadyFile({ flags }: Run): ReadyFile {
  const path = flags['ready-file']
  if (typeof path !== 'string') return { write: () => {}, remove: () => {} }
  if (!flags['hold']) throw new Failure('USAGE', '--ready-file is for wait --hold')
  const remove = () => orUsage(path, () => rmSync(path, { force: true }))
  remove()
  return { remove, write: (text) => orUsage(path, () => writeFileSync(path, `${text}\n`)) }
}

function orUsage(path: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    throw new Failure(
      'USAGE',
      `--ready-file: ${path} cannot be written`,
      { reason: (error as Error).message, next: 'Mount a volume that may be written there, an emptyDir for one.' },
      error,
    )
  }
}
