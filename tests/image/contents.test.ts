import * as fs from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Lab, must, root, shell } from './lab.ts'
import { test } from './support.ts'

const ours = JSON.parse(fs.readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const node = JSON.parse(fs.readFileSync(join(root, 'node_modules/node/package.json'), 'utf8')) as { version: string }
const base = 'gcr.io/distroless/cc-debian13:nonroot'

/** What is at a path of an image. */
interface Entry {
  readonly mode: string
  readonly bytes: number
  readonly path: string
}

describe('the image', () => {
  test('holds Node and the program, but no shell, no npm, no node_modules and no TypeScript', async ({ lab }) => {
    const paths = (await entries(lab, await lab.image('template'))).map(({ path }) => path)

    expect(paths).toContain('usr/local/bin/node')
    expect(paths).toContain('upfront/entrypoint.js')
    const strangers =
      /(^|\/)(sh|bash|dash|busybox|env|npm|npx|corepack)$|node_modules|\.(ts|map)$|package-lock|Dockerfile/
    expect(paths.filter((path) => strangers.test(path))).toEqual([])
  })

  test('is complete: the program asks for nothing that is neither in Node nor beside it', async ({ lab }) => {
    const id = (await must(lab.docker('create', '--label', lab.prefix, await lab.image('upfront')))).stdout.trim()
    const folder = lab.folder({})
    await must(lab.docker('cp', `${id}:/upfront`, folder))
    const files = fs.readdirSync(join(folder, 'upfront'), { recursive: true, encoding: 'utf8' })
    const code = files
      .filter((name) => name.endsWith('.js'))
      .map((name) => fs.readFileSync(join(folder, 'upfront', name), 'utf8'))

    const asked = code.flatMap((text) =>
      [...text.matchAll(/\b(?:require|import)\(\s*([`'"])(.+?)\1\s*\)/g)].map(([, , name]) => name!),
    )
    expect(asked.length).toBeGreaterThan(20)
    // What pg has for elsewhere, and what umzug has for files that it would load or make itself.
    const neverReached = ['pg-native', 'cloudflare:sockets', 'ts-node/register', 'umzug']
    expect(asked.filter((name) => !isBuiltin(name) && !name.startsWith('.') && !neverReached.includes(name))).toEqual(
      [],
    )
  })

  test('starts without compiling: what V8 made of its files in the build is of the very Node that runs them', async ({
    lab,
  }) => {
    const look = `
      const { readFileSync, globSync } = require('fs'), { Script } = require('vm')
      for (const file of globSync('/upfront/{start,chunks/*}.js')) {
        const script = new Script(readFileSync(file, 'utf8'), {
          filename: file, cachedData: readFileSync(file + '.cache'),
        })
        console.log(script.cachedDataRejected)
      }`
    const image = await lab.image('template')
    const { stdout } = await must(lab.run(image, ['-e', look], { flags: ['--entrypoint', '/usr/local/bin/node'] }))
    const rejected = stdout.trim().split('\n')
    expect(rejected.length).toBeGreaterThan(10)
    expect(new Set(rejected)).toEqual(new Set(['false']))
  })

  test('can be read by any user of any group, and written by none', async ({ lab }) => {
    const all = await entries(lab, await lab.image('template'))

    const own = all.filter(({ path }) => /^(upfront|migrations|seeds)\/|^usr\/local\/bin\//.test(path))
    expect(own.length).toBeGreaterThan(20)
    const expected = { d: /^drwxr-xr-x$/, l: /^lrwxrwxrwx$/, '-': /^-rw[x-]r-[x-]r-[x-]$/ }
    expect(own.filter(({ mode }) => !expected[mode[0] as 'd' | 'l' | '-'].test(mode))).toEqual([])
  })

  test('has an empty folder for migrations and one for seeds when nothing was compiled into it', async ({ lab }) => {
    const all = await entries(lab, await lab.image('upfront'))

    const folders = all.filter(({ path }) => /^(migrations|seeds)(\/|$)/.test(path))
    expect(folders.map(({ mode, path }) => `${mode} ${path}`)).toEqual(['drwxr-xr-x migrations/', 'drwxr-xr-x seeds/'])
  })

  test('is at most 30 MB larger than its Node, which has no symbols', async ({ lab }) => {
    const image = await lab.image('template')
    const binary = (await entries(lab, image)).find(({ path }) => path === 'usr/local/bin/node')!
    const bytes = Number((await must(lab.docker('image', 'inspect', '--format', '{{.Size}}', image))).stdout)

    const megabytes = (count: number) => (count / 1e6).toFixed(1)
    console.log(
      `image ${megabytes(bytes)} MB: Node ${megabytes(binary.bytes)} MB + ${megabytes(bytes - binary.bytes)} MB`,
    )
    expect(bytes - binary.bytes).toBeLessThan(30e6)
    expect(binary.bytes).toBeLessThan(115e6)
  })

  test('runs as a numbered user who is not root, with Node as its first process', async ({ lab }) => {
    const { Config: config } = await inspect(lab, await lab.image('template'))

    expect(config.User).toBe('65532:65532')
    expect(config.Entrypoint).toEqual(['/usr/local/bin/node', '/upfront/entrypoint.js'])
    expect(config.Cmd).toEqual(['up'])
    expect(config.StopSignal).toBe('SIGTERM')
    expect(config.Healthcheck).toEqual({ Test: ['NONE'] })
    expect(config.WorkingDir).toBe('/')
    expect(config.Env).toContain(`UPFRONT_IMAGE=${ours.version}`)
  })

  test('is labelled with what is known, and nothing is left empty', async ({ lab }) => {
    const plain = await inspect(lab, await lab.image('template'))
    const known = ['--build-arg', 'REVISION=0a1b2c', '--build-arg', 'SOURCE=https://example.test/upfront']
    const { image } = await lab.build('labelled', root, ...known, '--build-arg', 'CREATED=2026-01-02T03:04:05Z')
    const full = await inspect(lab, image)

    const always = {
      'org.opencontainers.image.title': 'upfront',
      'org.opencontainers.image.description': expect.stringContaining('Postgres'),
      'org.opencontainers.image.version': ours.version,
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.base.name': base,
    }
    expect(plain.Config.Labels).toEqual(always)
    expect(full.Config.Labels).toEqual({
      ...always,
      'org.opencontainers.image.revision': '0a1b2c',
      'org.opencontainers.image.source': 'https://example.test/upfront',
      'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
    })
  })

  test('has the very Node that runs these tests', async ({ lab }) => {
    const { stdout } = await lab.run(await lab.image('upfront'), ['-p', 'process.version'], {
      flags: ['--entrypoint', 'node'],
    })

    expect(stdout.trim()).toBe(`v${node.version}`)
  })

  test('has upfront on its PATH, which needs neither a shell nor env', async ({ lab }) => {
    const image = await lab.image('upfront')

    const named = await lab.run(image, ['version'], { flags: ['--entrypoint', 'upfront'] })
    const plain = await lab.run(image, ['version'])

    expect(named).toEqual({ exitCode: 0, stdout: `${ours.version}\n`, stderr: '' })
    expect(plain).toEqual(named)
  })

  test('explains itself without a database', async ({ lab }) => {
    const { exitCode, stdout } = await lab.run(await lab.image('upfront'), ['help'])

    expect(exitCode).toBe(0)
    expect(stdout).toContain('usage: upfront [command] [flags]')
    expect(stdout).toContain('/migrations')
  })
})

/** Every path of an image, as an archive of it tells them. */
async function entries(lab: Lab, image: string): Promise<Entry[]> {
  const id = (await must(lab.docker('create', '--label', lab.prefix, image))).stdout.trim()
  const { stdout } = await shell`docker export ${id} | tar --list --verbose --numeric-owner`
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, mode, bytes, path] = /^(\S+)\s+\S+\s+(\d+)\s+\S+\s+\S+\s+(.*?)(?: -> .*)?$/.exec(line)!
      return { mode: mode!, bytes: Number(bytes), path: path! }
    })
}

async function inspect(lab: Lab, image: string): Promise<{ Config: Record<string, unknown> }> {
  const { stdout } = await must(lab.docker('image', 'inspect', image))
  return (JSON.parse(stdout) as { Config: Record<string, unknown> }[])[0]!
}
