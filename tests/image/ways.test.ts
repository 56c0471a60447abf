import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { must, root } from './lab.ts'
import { test } from './support.ts'

const users = { '001_users.sql': 'create table users (id int primary key);\n' }
const posts = { '002_posts.sql': 'create table posts (id int primary key, author int references users);\n' }

describe('a copy of this repository', () => {
  test('is a working project: docker build . makes an image with its migrations and seeds', async ({ lab, db }) => {
    const image = await lab.image('template')
    const env = { ...db.env, UPFRONT_SEED: 'development' }

    const first = await lab.run(image, [], { env })
    const second = await lab.run(image, [], { env })

    expect(first).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/done .* 8 migrations and 3 seeds applied/),
    })
    expect(second).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('up to date     8 migrations') })
    expect(second.stderr.split('\n').filter(Boolean).length).toBeLessThanOrEqual(4)
    expect(await db.query(`select title from content.documents order by 1`)).toHaveLength(2)
  })

  test('with a broken migration does not build, and the build says in which line', async ({ lab }) => {
    const copy = lab.folder({})
    const parts = [
      '.dockerignore',
      'Dockerfile',
      'entrypoint.ts',
      'migrations',
      'package-lock.json',
      'package.json',
      'tsconfig.json',
    ]
    for (const part of [...parts, 'scripts', 'seeds', 'src'])
      fs.cpSync(join(root, part), join(copy, part), { recursive: true })
    fs.writeFileSync(join(copy, 'migrations/0099_broken.sql'), 'select 1;\ncreate tabel oops (id int);\n')

    const template = await lab.build('broken', copy, '--progress', 'plain')
    const program = await lab.build('program', copy, '--target', 'upfront')

    expect(template.exitCode).not.toBe(0)
    expect(template.stderr).toContain('migrations/0099_broken.sql:2:8')
    expect(template.stderr).toContain('syntax error at or near "tabel"')
    expect(template.stderr).toContain('create tabel oops (id int);')
    expect(template.stderr).not.toMatch(/^\S+ [\d.]+ +at .*\(/m)
    expect(program.exitCode).toBe(0)
  })

  test('has the same checksums when its folder is mounted instead', async ({ lab, db }) => {
    const names = fs.readdirSync(join(root, 'migrations'))
    const files = names.map((name) => [name, fs.readFileSync(join(root, 'migrations', name), 'utf8')])
    const mount = ['--volume', `${lab.folder(Object.fromEntries(files))}:/migrations:ro`]
    await must(lab.run(await lab.image('template'), [], { env: db.env }))

    const mounted = await lab.run(await lab.image('upfront'), ['status', '--json'], { env: db.env, flags: mount })

    const { state, migrations } = JSON.parse(mounted.stdout)
    expect(state).toBe('up_to_date')
    expect(migrations).toHaveLength(8)
  })
})

describe('FROM upfront', () => {
  test('and COPY migrations is all that a Dockerfile needs; a RUN may try the program', async ({ lab, db }) => {
    const context = lab.folder({
      Dockerfile: `FROM ${await lab.image('upfront')}\nCOPY migrations /migrations\nRUN ["upfront", "version"]\n`,
      'migrations/001_users.sql': users['001_users.sql'],
      'migrations/README.md': 'not a migration',
    })
    const { image, ...built } = await lab.build('copied', context)
    await must(built)

    const { exitCode, stderr } = await lab.run(image, [], { env: db.env })

    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('001_users') })
    expect(await db.history()).toEqual(['migration 001_users'])
  })
})

describe('FROM upfront in two stages', () => {
  const twoStages = (image: string) => `FROM ${image} AS compiled
USER 0
COPY migrations /migrations
RUN ["upfront", "compile", "--out", "/bundle"]
FROM ${image}
COPY --from=compiled /bundle/ /
`

  test('compiles while the image is built, without a shell, and starts from the bundle', async ({ lab, db }) => {
    const context = lab.folder({
      Dockerfile: twoStages(await lab.image('upfront')),
      'migrations/001_users.sql': users['001_users.sql'],
      'migrations/002_module.ts': `export const up = (client: { query(sql: string): Promise<unknown> }) => client.query('select 1')\n`,
    })
    const { image, ...built } = await lab.build('two-stages', context)
    await must(built)

    const first = await lab.run(image, [], { env: db.env })
    const second = await lab.run(image, [], { env: db.env })

    expect(first.exitCode, first.stderr).toBe(0)
    expect(second.stderr).toContain('up to date     2 migrations')
    expect(await db.history()).toEqual(['migration 001_users', 'migration 002_module'])
  })

  test('fails to build when a migration is wrong, with its line', async ({ lab }) => {
    const context = lab.folder({
      Dockerfile: twoStages(await lab.image('upfront')),
      'migrations/001_users.sql': 'create table users (id int);\nselct 1;\n',
    })
    const { exitCode, stderr } = await lab.build('two-stages-broken', context, '--progress', 'plain')

    expect(exitCode).not.toBe(0)
    expect(stderr).toContain('001_users.sql:2:1')
    expect(stderr).toContain('syntax error at or near "selct"')
  })
})

describe('a mounted folder', () => {
  test('is applied, and the next time only what is new in it', async ({ lab, db }) => {
    const image = await lab.image('upfront')
    const runOn = (folder: string) =>
      lab.run(image, ['up'], { env: db.env, flags: ['--volume', `${folder}:/migrations:ro`] })

    const first = await runOn(lab.folder(users))
    const second = await runOn(lab.folder({ ...users, ...posts }))

    expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^applied +001_users /m) })
    expect(second).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/done +1 migration applied/) })
    expect(await db.history()).toEqual(['migration 001_users', 'migration 002_posts'])
  })

  test('may hold seeds too', async ({ lab, db }) => {
    const seeds = lab.folder({
      '010_users.sql': 'insert into users values (1) on conflict do nothing;',
      'demo/020_users.sql': 'insert into users values (2) on conflict do nothing;',
      'other/020_users.sql': 'insert into users values (3) on conflict do nothing;',
    })
    const flags = ['--volume', `${lab.folder(users)}:/migrations:ro`, '--volume', `${seeds}:/seeds:ro`]

    const { exitCode } = await lab.run(await lab.image('upfront'), [], {
      env: { ...db.env, UPFRONT_SEED: 'demo' },
      flags,
    })

    expect(exitCode).toBe(0)
    expect(await db.query('select id from users order by 1')).toEqual(['1', '2'])
  })

  test("with a file that its user may not read is refused, with the file's name and a reason", async ({ lab, db }) => {
    const folder = lab.folder({ ...users, ...posts })
    fs.chmodSync(join(folder, '002_posts.sql'), 0o600)

    const { exitCode, stderr } = await lab.run(await lab.image('upfront'), [], {
      env: db.env,
      flags: ['--volume', `${folder}:/migrations:ro`],
    })

    expect(exitCode).toBe(20)
    expect(stderr).toContain('002_posts.sql cannot be read')
    expect(stderr).toContain('EACCES')
  })
})
