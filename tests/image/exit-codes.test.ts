import { describe, expect } from 'vitest'
import { test } from './support.ts'

const users = { '001_users.sql': 'create table users (id int primary key);\n' }

describe('the exit code of the container', () => {
  test('is 2 for a setting that is nearly one of ours', async ({ lab, db }) => {
    const env = { ...db.env, UPFRONT_WAIT_TIMEOUTS: '5s' }

    const { exitCode, stderr } = await lab.run(await lab.image('template'), [], { env })

    expect(exitCode).toBe(2)
    expect(stderr).toContain('UPFRONT_WAIT_TIMEOUT')
  })

  test('is 2 for a command that does not exist, and for a missing database, with what to do', async ({ lab }) => {
    const image = await lab.image('template')

    const unknown = await lab.run(image, ['migarte'])
    const missing = await lab.run(image)

    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Did you mean migrate?') })
    expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('DATABASE_URL') })
  })

  test('is 20 for an image without migrations', async ({ lab, db }) => {
    const { exitCode, stderr } = await lab.run(await lab.image('upfront'), [], { env: db.env })

    expect(exitCode).toBe(20)
    expect(stderr).toContain('there are no migrations in')
  })

  test('is 20 for SQL that is none, with file, line and column', async ({ lab, db }) => {
    const folder = lab.folder({ ...users, '002_oops.sql': 'select 1;\n\n  selct 2;\n' })
    const flags = ['--volume', `${folder}:/migrations:ro`]

    const { exitCode, stderr } = await lab.run(await lab.image('upfront'), [], { env: db.env, flags })

    expect(exitCode).toBe(20)
    expect(stderr).toContain('migrations/002_oops.sql:3:3')
    expect(await db.query(`select to_regclass('users') is null`)).toEqual(['t'])
  })

  test('is 21 for a migration that was changed after it was applied', async ({ lab, db }) => {
    const image = await lab.image('upfront')
    const runOn = (sql: string) => {
      const folder = lab.folder({ '001_users.sql': sql })
      return lab.run(image, [], { env: db.env, flags: ['--volume', `${folder}:/migrations:ro`] })
    }

    const first = await runOn('create table users (id int);')
    const changed = await runOn('create table users (id bigint);')

    expect([first.exitCode, changed.exitCode]).toEqual([0, 21])
    expect(changed.stderr).toContain('001_users')
  })

  test('is 22 for a migration that fails; what came before it stays', async ({ lab, db }) => {
    const folder = lab.folder({
      ...users,
      '002_fails.sql': 'create table b ();\nselect 1 / 0;',
      '003_c.sql': 'select 1',
    })
    const flags = ['--volume', `${folder}:/migrations:ro`]

    const { exitCode, stderr } = await lab.run(await lab.image('upfront'), [], { env: db.env, flags })

    expect(exitCode).toBe(22)
    expect(stderr).toContain('migrations/002_fails.sql:2:1')
    expect(stderr).toContain('not run: 003_c')
    expect(await db.history()).toEqual(['migration 001_users'])
  })

  test('is 24 for a wrong password and for a database that is not there', async ({ lab, db }) => {
    const image = await lab.image('template')
    const runOn = (url: string) => lab.run(image, [], { env: { DATABASE_URL: url, UPFRONT_AUTH_GRACE: '500ms' } })

    const password = await runOn(db.url.replace(db.password, 'not-the-password'))
    const database = await runOn(db.url.replace(db.name, 'not_there'))

    expect(password).toMatchObject({ exitCode: 24, stderr: expect.stringContaining('28P01') })
    expect(database).toMatchObject({ exitCode: 24, stderr: expect.stringContaining('3D000') })
  })

  test('is 30 for a server that never comes', async ({ lab }) => {
    const env = { DATABASE_URL: 'postgres://app:not-a-secret@nobody.internal/app', UPFRONT_WAIT_TIMEOUT: '1s' }

    const { exitCode, stderr } = await lab.run(await lab.image('template'), [], { env })

    expect(exitCode).toBe(30)
    expect(stderr).toContain('was not ready within 1 s')
  })
})

describe('status', () => {
  test('answers on stdout with JSON, and with 34 only when it is asked for', async ({ lab, db }) => {
    const image = await lab.image('template')

    const before = await lab.run(image, ['status', '--json', '--exit-code'], { env: db.env })
    const plain = await lab.run(image, ['status', '--json'], { env: db.env })
    await lab.run(image, ['up'], { env: db.env })
    const after = await lab.run(image, ['status', '--json', '--exit-code'], { env: db.env })

    expect([before.exitCode, plain.exitCode, after.exitCode]).toEqual([34, 0, 0])
    expect(JSON.parse(before.stdout)).toMatchObject({ state: 'pending' })
    expect(JSON.parse(after.stdout)).toMatchObject({ state: 'up_to_date' })
    expect(JSON.parse(after.stdout).migrations[0]).toMatchObject({ name: '0001_extensions', state: 'applied' })
  })
})
