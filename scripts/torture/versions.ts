// Other major versions of Postgres, from the registry that the installed one is from.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { platformPackage as name } from '../../src/embedded/installed.ts'

/** A folder with `native/` of the newest release of this major version; installed once for each machine. */
export function installPostgres(major: string): string {
  const dir = join(tmpdir(), `upfront-postgres-${major}`)
  const installed = join(dir, 'node_modules', name)
  if (existsSync(join(installed, 'native/bin/postgres'))) return installed
  const versions = JSON.parse(
    execFileSync('npm', ['view', name, 'versions', '--json'], { encoding: 'utf8' }),
  ) as string[]
  const version = versions.filter((one) => one.startsWith(`${major}.`)).at(-1)
  if (version === undefined) throw new Error(`there is no ${name} of Postgres ${major}`)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ private: true, dependencies: { [name]: version } }))
  execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] })
  return installed
}
