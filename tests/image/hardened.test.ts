import { randomInt } from 'node:crypto'
import { describe, expect } from 'vitest'
import type { Lab } from './lab.ts'
import { test } from './support.ts'

// What Kubernetes' "restricted" profile asks for, a read-only root as well, and not even the /dev/shm of an engine.
const nothingAllowed = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--ipc', 'none']

const users = [
  ['the user of the image', []],
  ['a random user in group 0, as in OpenShift', ['--user', '12345:0']],
  ['a random user in a random group', ['--user', `${randomInt(10_000, 60_000)}:${randomInt(10_000, 60_000)}`]],
  ['root, who may do nothing here', ['--user', '0:0']],
] as const

describe('without any privilege and without a writable path', () => {
  test.for(users)('%s applies migrations and seeds', async ([, user], { lab, db }) => {
    const image = await lab.image('template')
    const env = { ...db.env, UPFRONT_SEED: 'test' }

    const { exitCode, stderr } = await lab.run(image, [], { env, flags: [...nothingAllowed, ...user] })

    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^done +8 migrations/m) })
  })

  test.for(users)('%s applies a mounted folder', async ([, user], { lab, db }) => {
    const folder = lab.folder({ '001_users.sql': 'create table users (id int primary key);' })
    const flags = [...nothingAllowed, ...user, '--volume', `${folder}:/migrations:ro`]

    const { exitCode, stderr } = await lab.run(await lab.image('upfront'), [], { env: db.env, flags })

    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^done +1 migration /m) })
  })

  test('nothing can be written in the image, which is what these tests are about', async ({ lab }) => {
    const script = `for (const dir of ['/', '/tmp', '/home/nonroot', '/migrations', '/upfront', '/dev', '/dev/shm', '/run'])
      try { require('fs').writeFileSync(dir + '/x', ''); console.log(dir) } catch {}`
    const flags = [...nothingAllowed, '--entrypoint', '/usr/local/bin/node']

    const { exitCode, stdout } = await lab.run(await lab.image('upfront'), ['-e', script], { flags })

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
  })

  test('with little memory and few processes, a start with nothing to do still succeeds', async ({ lab, db }) => {
    const image = await lab.image('template')
    const limits = ['--memory', '64m', '--memory-swap', '64m', '--pids-limit', '32', '--cpus', '0.5']

    const first = await lab.run(image, [], { env: db.env, flags: [...nothingAllowed, ...limits] })
    const second = await lab.run(image, [], { env: db.env, flags: [...nothingAllowed, ...limits] })

    expect([first.exitCode, second.exitCode]).toEqual([0, 0])
    expect(second.stderr).toMatch(/^up to date /m)
  })
})

describe('without a network', () => {
  test('it says within its timeout that the database is not there', async ({ lab }) => {
    const outcome = await withoutNetwork(lab, 'postgres://app:not-a-secret@db.internal/app')

    expect(outcome.exitCode).toBe(30)
    expect(outcome.seconds).toBeLessThan(8)
    expect(outcome.stderr).toContain('db.internal')
    expect(outcome.stderr).toMatch(/getaddrinfo E/)
  })

  test('it says so too for an address, which needs no name server', async ({ lab }) => {
    const outcome = await withoutNetwork(lab, 'postgres://app:not-a-secret@192.0.2.1/app')

    expect(outcome.exitCode).toBe(30)
    expect(outcome.seconds).toBeLessThan(8)
    expect(outcome.stderr).toContain('ENETUNREACH')
  })
})

async function withoutNetwork(lab: Lab, url: string) {
  const env = { DATABASE_URL: url, UPFRONT_WAIT_TIMEOUT: '2s' }
  const image = await lab.image('template')
  const begun = performance.now()
  const outcome = await lab.run(image, [], { env, flags: [...nothingAllowed, '--network', 'none'] })
  return { ...outcome, seconds: (performance.now() - begun) / 1000 }
}
