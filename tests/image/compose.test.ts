import { expect } from 'vitest'
import { type Lab, must, run, shell } from './lab.ts'
import { test as base } from './support.ts'

/** The stack of compose.test.yml; each of its tests goes on where the one before it has left. */
interface Stack {
  /** Any compose command; never throws. */
  compose(...args: string[]): ReturnType<typeof run>
  /** `up`, then the exit code of the application and what all containers have said since. */
  up(): Promise<{ app: number; migrate: number; log: string }>
  query(sql: string): Promise<string>
}

const test = base.extend<{ $file: { stack: Stack } }>({
  stack: [async ({ lab }, use) => withStack(lab, use), { scope: 'file' }],
})

test('the application fails on a database without its tables', async ({ stack }) => {
  await must(stack.compose('up', '--detach', '--build', 'postgres'))
  const ready = ['exec', '-T', 'postgres', 'sh', '-c', 'until pg_isready --host 127.0.0.1; do sleep 0.2; done']
  await must(stack.compose(...ready))

  const { exitCode, stdout, stderr } = await stack.compose('run', '--no-deps', '--rm', 'app')

  expect(exitCode).not.toBe(0)
  expect(stdout + stderr).toContain('these tables are not there: content.chunks, content.documents')
  await must(stack.compose('rm', '--stop', '--force', '-v', 'postgres'))
})

test('from nothing, the application starts after Upfront and finds every table and seed row', async ({ stack }) => {
  const { app, migrate, log } = await stack.up()

  expect({ app, migrate, log }).toMatchObject({ app: 0, migrate: 0 })
  expect(log).toMatch(/done +8 migrations and 2 seeds applied/)
  expect(log).toContain('the application has all its tables and rows')
})

test('a second up finds nothing to do, and the application starts again', async ({ stack }) => {
  const { app, migrate, log } = await stack.up()

  expect({ app, migrate, log }).toMatchObject({ app: 0, migrate: 0 })
  expect(log).toMatch(/up to date +8 migrations and the seeds for test/)
  expect(log).not.toContain('applied   ')
})

test('the application fails when a seed row is gone, and names it', async ({ stack }) => {
  await stack.query(`delete from content.documents where slug = 'minutes' and organisation_id::text like '%b'`)

  const { app, log } = await stack.up()

  expect(app).not.toBe(0)
  expect(log).toContain('rows missing: content.documents (beta/notes/minutes, Minutes)')
})

test('the application is not started when Upfront fails', async ({ stack }) => {
  await stack.query(`update upfront.history set checksum = 'v1:sha256:00' where name = '0003_members'`)
  await stack.query(`delete from upfront.runs`)

  const { migrate, log } = await stack.up()

  expect(migrate).toBe(21)
  expect(log).toContain('0003_members')
  expect(log).not.toMatch(/tables and rows|rows missing/)
})

async function withStack(lab: Lab, use: (stack: Stack) => Promise<void>): Promise<void> {
  // Compose v2 is a part of docker, v1 a program of its own.
  const [command, ...first] =
    (await run('docker', 'compose', 'version')).exitCode === 0 ? ['docker', 'compose'] : ['docker-compose']
  const compose: Stack['compose'] = (...args) =>
    run(command!, ...first, '--file', 'compose.test.yml', '--project-name', lab.prefix, ...args)
  const idOf = async (service: string) => (await must(compose('ps', '--all', '--quiet', service))).stdout.trim()
  const codeOf = async (service: string) => {
    const id = await idOf(service)
    return id === '' ? NaN : Number((await must(run('docker', 'wait', id))).stdout)
  }
  try {
    await use({
      compose,
      up: async () => {
        const since = new Date().toISOString()
        await compose('up', '--detach', '--build')
        const [migrate, app] = [await codeOf('migrate'), await codeOf('app')]
        const logs = [await idOf('migrate'), await idOf('app')].filter(Boolean).map(async (id) => {
          const { stdout, stderr } = await shell`docker logs --since ${since} ${id}`
          return stdout + stderr
        })
        return { app, migrate, log: (await Promise.all(logs)).join('') }
      },
      query: async (sql) =>
        (await must(compose('exec', '-T', 'postgres', 'psql', '-U', 'shop', '-v', 'ON_ERROR_STOP=1', '-c', sql)))
          .stdout,
    })
  } finally {
    await compose('down', '--volumes', '--rmi', 'local', '--remove-orphans')
  }
}
