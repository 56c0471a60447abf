import { accessSync, constants, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure } from '../../errors.ts'
import type { Run } from '../run.ts'

/** A file that is there while a lease is held, for probes: nothing may be left of a container that was killed. */
export interface ReadyFile {
  readonly write: (text: string) => void
  readonly remove: () => void
  /** The same, for where nobody hears of a failure. */
  readonly tryRemove: () => void
}

/** The one that --ready-file names, removed if it is there; nothing without the flag. */
export function openReadyFile({ flags, emit }: Run): ReadyFile {
  const path = flags['ready-file']
  if (typeof path !== 'string') return { write: () => {}, remove: () => {}, tryRemove: () => {} }
  if (!flags['hold']) throw new Failure('USAGE', '--ready-file is for wait --hold')
  const remove = () => orUsage(path, () => rmSync(path, { force: true }))
  const tryRemove = () => {
    try {
      remove()
    } catch (error) {
      emit({ type: 'warning', message: `${(error as Failure).message}: ${(error as Failure).facts.reason}` })
    }
  }
  remove()
  // Now and not when the lease is there, which may take as long as the wait.
  orUsage(path, () => accessSync(dirname(path), constants.W_OK))
  return { remove, tryRemove, write: (text) => orUsage(path, () => writeFileSync(path, `${text}\n`)) }
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
