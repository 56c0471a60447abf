// Starts `upfront up` on a folder, as a program of this checkout or as a user starts the image.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What `up` runs on. */
export interface Target {
  readonly dir: string
  /** As UPFRONT_FORMAT; `auto` leaves it unset, so that the marks decide. */
  readonly format: string
  readonly url: string
  /** Settings besides. */
  readonly settings: NodeJS.ProcessEnv
}

/** How `up` ended, and its first words when that was not well; throws when it could not be started. */
export type Up = (target: Target) => string

/** `node <program> up` on the folder where it is. */
export function upOfProgram(program: string): Up {
  return ({ dir, ...target }) =>
    tell(spawn(process.execPath, [program, 'up'], { ...settingsOf(target), UPFRONT_MIGRATIONS_DIR: dir }))
}

/** `docker run` of the image on the folder, mounted as the README has it. */
export function upOfImage(image: string): Up {
  return ({ dir, ...target }) => {
    const env = settingsOf(target)
    // What lies beside the folder stays outside, except what docs/coming-from tells to mount.
    const beside = ['sqlx.toml', '.gmrc'].filter((name) => existsSync(join(dir, '..', name)))
    const mounts = [`${dir}:/migrations:ro`, ...beside.map((name) => `${join(dir, '..', name)}:/${name}:ro`)]
    const flags = [...mounts.flatMap((mount) => ['-v', mount]), ...Object.keys(env).flatMap((name) => ['-e', name])]
    // The client needs its own environment too: it says where the engine is.
    const run = spawn('docker', ['run', '--rm', '--network', 'host', '--read-only', ...flags, image], {
      ...process.env,
      ...env,
    })
    // These are docker's own words, or those of an image without our program.
    if (run.status === null || (run.status >= 125 && run.status <= 127))
      throw new Error(`docker run ended with ${run.status}: ${run.stderr.trim()}`)
    return tell(run)
  }
}

/** Throws for what the user of an image, who owns nothing here, cannot read: it would fail for that and nothing else. */
export function requireReadable(dir: string): void {
  const closed = findClosed(dir)
  if (closed === undefined) return
  throw new Error(
    `${closed} cannot be read by others, and the user of the image is one of them. Their modes are no part of the ` +
      `migrations, so open a copy: cp -r ${dir} /tmp/copy && chmod -R a+rX /tmp/copy`,
  )
}

/** The first path, from the folder down, that others may not read; links are followed. */
function findClosed(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return undefined
  const needed = found.isDirectory() ? 0o005 : 0o004
  if ((found.mode & needed) !== needed) return path
  // Whoever runs this may be nobody's owner either.
  accessSync(path, constants.R_OK)
  if (!found.isDirectory()) return undefined
  for (const name of readdirSync(path)) {
    const closed = findClosed(join(path, name))
    if (closed !== undefined) return closed
  }
  return undefined
}

function settingsOf({ format, url, settings }: Omit<Target, 'dir'>): NodeJS.ProcessEnv {
  return { ...settings, UPFRONT_DATABASE_URL: url, ...(format === 'auto' ? {} : { UPFRONT_FORMAT: format }) }
}

interface Ended {
  readonly status: number | null
  readonly stderr: string
}

function spawn(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Ended {
  const all = { PATH: process.env['PATH'], ...env }
  const { error, status, stderr } = spawnSync(command, args, { env: all, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (error) throw error
  return { status, stderr }
}

function tell({ status, stderr }: Ended): string {
  const applied = stderr.match(/^applied /gm)?.length ?? 0
  const adopted = /^adopted +(\d+)/m.exec(stderr)?.[1] ?? 0
  const from = stderr.search(/^error/m)
  const words = status === 0 || from === -1 ? '' : `: ${stderr.slice(from, from + 500)}`
  return `exit ${status}, ${adopted} adopted, ${applied} applied${words}`
}
