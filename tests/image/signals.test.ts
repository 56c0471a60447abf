import { describe, expect } from 'vitest'
import { type Container, type Lab, must, until } from './lab.ts'
import { test } from './support.ts'

const nowhere = { DATABASE_URL: 'postgres://app:not-a-secret@127.0.0.1:1/app', UPFRONT_WAIT_TIMEOUT: '20s' }

describe('docker stop', () => {
  test('while waiting for a database ends it at once with 143', async ({ lab }) => {
    const container = await lab.start(await lab.image('template'), [], { env: nowhere })
    await container.says('waiting')

    const { code, seconds } = await stop(lab, container)

    expect(code).toBe(143)
    expect(seconds).toBeLessThan(5)
    expect(await container.logs()).toMatch(/143 INTERRUPTED_TERM: stopped by SIGTERM/)
  })

  test('inside a migration rolls it back and ends with 143, long before the engine would kill it', async ({
    lab,
    db,
  }) => {
    const folder = lab.folder({
      '001_quick.sql': 'create table quick (id int);',
      '002_slow.sql': 'create table slow (id int);\nselect pg_sleep(60);',
    })
    const flags = ['--volume', `${folder}:/migrations:ro`]
    const sleeping = () =>
      db.query(`select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = '${db.name}'`)
    const container = await lab.start(await lab.image('upfront'), [], { env: db.env, flags })
    await until(async () => (await sleeping()).length === 1, 'the migration slept')

    const { code, seconds } = await stop(lab, container)

    expect(code).toBe(143)
    expect(seconds).toBeLessThan(8)
    expect(await sleeping()).toEqual([])
    expect(await db.history()).toEqual(['migration 001_quick'])
    expect(await db.query(`select tablename from pg_tables where schemaname = 'public'`)).toEqual(['quick'])
    expect(await container.logs()).toContain('not run: 002_slow')
  })
})

describe('a signal', () => {
  test('right after its first line is not lost', async ({ lab }) => {
    const image = await lab.image('template')
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const container = await lab.start(image, [], { env: nowhere })
      await container.says('upfront')
      const { code, seconds } = await kill(lab, container, 'SIGTERM')

      expect(code).toBe(143)
      expect(seconds).toBeLessThan(5)
    }
  })

  test('from a terminal, SIGINT, ends it with 130', async ({ lab }) => {
    const container = await lab.start(await lab.image('template'), [], { env: nowhere })
    await container.says('waiting')

    expect((await kill(lab, container, 'SIGINT')).code).toBe(130)
  })
})

/** The exit code after the engine's own grace of 10 seconds, and how long it took. */
function stop(lab: Lab, container: Container) {
  return timed(container, () => must(lab.docker('stop', container.id)))
}

function kill(lab: Lab, container: Container, signal: string) {
  return timed(container, () => must(lab.docker('kill', '--signal', signal, container.id)))
}

async function timed(container: Container, end: () => Promise<unknown>) {
  const begun = performance.now()
  await end()
  const code = await container.ended()
  return { code, seconds: (performance.now() - begun) / 1000 }
}
