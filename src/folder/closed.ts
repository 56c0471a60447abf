import { accessSync, constants } from 'node:fs'
import { Failure } from '../errors.ts'

/** Throws INVALID when the user of this process may not list the folder, or not open what is in it. */
export function requireOpen(dir: string, shown: string): void {
  try {
    accessSync(dir, constants.R_OK | constants.X_OK)
  } catch (error) {
    throw closed(shown, error)
  }
}

/** Whether it is there, and this user may not read it. */
export function isClosed(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EACCES' || code === 'EPERM'
}

/** The failure of a path that the user of this process may not read; passing it over would leave migrations out. */
export function closed(shown: string, error: unknown): Failure {
  return new Failure('INVALID', `${shown} cannot be read`, {
    reason: (error as Error).message,
    next:
      'Open the folder to every user (chmod -R a+rX), or run as the one whose it is (docker run --user); under SELinux ' +
      'mount it with :z.',
  })
}
