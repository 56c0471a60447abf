// Drives docker; whatever is made here is gone after the tests of a file.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { $ as zx } from 'zx'

/** The repository: what `docker build .` sees. */
export const root = join(import.meta.dirname, '../..')

/** How a command ended. */
export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** The environment of the container. */
  readonly env?: Readonly<Record<string, string>>
  /** Further flags of `docker run`: mounts, users, limits. */
  readonly flags?: readonly string[]
}

/** A container that runs by itself. */
export interface Container {
  readonly id: string
  /** Everything it has written, stdout and stderr. */
  logs(): Promise<string>
  /** Resolves when the logs hold the text. */
  says(text: string): Promise<void>
  /** Its exit code, once it has ended. */
  ended(): Promise<number>
}

/** What the tests of one file have in common; whatever is made through it is gone after them. */
export interface Lab {
  /** Begins the name of everything; also the network where containers find each other. */
  readonly prefix: string
  /** Any docker command; never throws. */
  docker(...args: readonly string[]): Promise<Outcome>
  /** The image of a target of our Dockerfile, built when it is first asked for. */
  image(target: 'upfront' | 'compiler' | 'template'): Promise<string>
  /** `docker build` of any folder. */
  build(name: string, context: string, ...flags: readonly string[]): Promise<Outcome & { image: string }>
  /** A container from its start to its end, as `docker run` tells it. */
  run(image: string, args?: readonly string[], options?: RunOptions): Promise<Outcome>
  start(image: string, args?: readonly string[], options?: RunOptions): Promise<Container>
  /** A folder that containers can read, whoever runs in them. */
  folder(files: Readonly<Record<string, string>>): string
}

/** zx as these tests want it: silent, never throwing, in the root of the repository. */
export const shell = zx({
  quiet: true,
  nothrow: true,
  cwd: root,
  // The engine of Debian 12 builds the old way unless it is told.
  env: { ...process.env, DOCKER_BUILDKIT: '1', COMPOSE_DOCKER_CLI_BUILD: '1' },
})

/** Any command; never throws. */
export async function run(command: string, ...args: readonly string[]): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await shell`${command} ${args}`
  return { exitCode: exitCode ?? 1, stdout, stderr }
}

/** Makes a laboratory for `use`, and removes whatever came of it. */
export async function withLab(use: (lab: Lab) => Promise<void>): Promise<void> {
  const prefix = `upfront-test-${randomBytes(4).toString('hex')}`
  const folders: string[] = []
  const { exitCode } = await run('docker', 'info')
  if (exitCode !== 0) throw new Error('No container engine answers "docker info": start one, then run the tests again.')
  try {
    await must(run('docker', 'network', 'create', '--label', prefix, prefix))
    await use(makeLab(prefix, folders))
  } finally {
    await removeAll(prefix)
    for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true })
  }
}

function makeLab(prefix: string, folders: string[]): Lab {
  const docker: Lab['docker'] = (...args) => run('docker', ...args)
  const built = new Map<string, Promise<string>>()
  const flagsOf = ({ env = {}, flags = [] }: RunOptions) => [
    '--label',
    prefix,
    ...(flags.includes('--network') ? [] : ['--network', prefix]),
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...flags,
  ]
  const build: Lab['build'] = async (name, context, ...flags) => {
    const image = `${prefix}:${name}`
    return { image, ...(await docker('build', '--tag', image, ...flags, context)) }
  }
  const buildTarget = async (target: string) => {
    const { image, ...outcome } = await build(target, root, '--target', target)
    await must(outcome)
    return image
  }
  return {
    prefix,
    docker,
    build,
    image: (target) => built.get(target) ?? built.set(target, buildTarget(target)).get(target)!,
    run: (image, args = [], options = {}) => docker('run', '--rm', ...flagsOf(options), image, ...args),
    start: async (image, args = [], options = {}) => {
      const { stdout } = await must(docker('run', '--detach', ...flagsOf(options), image, ...args))
      return makeContainer(stdout.trim())
    },
    folder: (files) => {
      const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), `${prefix}-`))
      folders.push(folder)
      // Whatever the umask of who runs the tests.
      fs.chmodSync(folder, 0o755)
      for (const [name, content] of Object.entries(files)) {
        fs.mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o755 })
        fs.writeFileSync(join(folder, name), content)
        fs.chmodSync(join(folder, name), 0o644)
      }
      return folder
    },
  }
}

function makeContainer(id: string): Container {
  const logs = async () => {
    const { stdout, stderr } = await run('docker', 'logs', id)
    return stdout + stderr
  }
  return {
    id,
    logs,
    says: async (text) => {
      await until(async () => (await logs()).includes(text), `the container said ${text}`).catch(async (error) => {
        throw new Error(`${error.message}; it said:\n${await logs()}`)
      })
    },
    ended: async () => Number((await must(run('docker', 'wait', id))).stdout),
  }
}

/** The outcome, or an error that has all of the output. */
export async function must(outcome: Outcome | Promise<Outcome>): Promise<Outcome> {
  const { exitCode, stdout, stderr } = await outcome
  if (exitCode !== 0) throw new Error(`a command ended with ${exitCode}:\n${stdout}${stderr}`)
  return { exitCode, stdout, stderr }
}

/** Waits until a condition holds; containers are slow, so it asks less often than the other tests. */
export async function until(condition: () => Promise<boolean>, what: string, limitMs = 30_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs / 1000} s in vain until ${what}`)
    await sleep(100)
  }
}

async function removeAll(prefix: string): Promise<void> {
  const lines = async (...args: string[]) => (await run('docker', ...args)).stdout.split('\n').filter(Boolean)
  const containers = await lines('ps', '--all', '--quiet', '--filter', `label=${prefix}`)
  if (containers.length > 0) await run('docker', 'rm', '--force', '--volumes', ...containers)
  await run('docker', 'network', 'rm', prefix)
  // By name, never by id: another's image may be the same one.
  const images = await lines('images', '--filter', `reference=${prefix}`, '--format', '{{.Repository}}:{{.Tag}}')
  if (images.length > 0) await run('docker', 'rmi', ...images)
}
