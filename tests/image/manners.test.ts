import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { launchServer, urlOf } from './server.ts'
import { test } from './support.ts'

const sleepy = { '001_sleepy.sql': 'select pg_sleep(4);\n' }

describe('a password', () => {
  test('is in no log, in no list of processes and in nothing that the server shows', async ({ lab, db }) => {
    const flags = ['--volume', `${lab.folder(sleepy)}:/migrations:ro`]
    const env = { ...db.env, UPFRONT_LOG_LEVEL: 'debug', UPFRONT_LOG_FORMAT: 'json' }

    const container = await lab.start(await lab.image('upfront'), [], { env, flags })
    await container.says('applying')
    const processes = await lab.docker('top', container.id, '-eo', 'pid,comm,args')
    const activity = await db.query(`select pg_stat_activity::text from pg_stat_activity where datname = '${db.name}'`)
    const code = await container.ended()
    const history = await db.query('select history::text from upfront.history')
    const runs = await db.query('select runs::text from upfront.runs')

    expect(code).toBe(0)
    expect(processes.stdout).toContain('node')
    expect(activity.join('\n')).toContain('upfront/')
    const shown = [await container.logs(), processes.stdout, ...activity, ...history, ...runs].join('\n')
    expect(shown).not.toContain(db.password)
  })

  test('may come in a file, whose last newline does not count', async ({ lab, db }) => {
    const secrets = lab.folder({ url: `${db.url}\n`, password: `${db.password}\n` })
    const flags = ['--volume', `${secrets}:/run/secrets:ro`]
    const image = await lab.image('template')
    const { hostname: PGHOST, username: PGUSER } = new URL(db.url)

    const url = await lab.run(image, [], { env: { DATABASE_URL_FILE: '/run/secrets/url' }, flags })
    const parts = await lab.run(image, [], {
      env: { PGHOST, PGUSER, PGDATABASE: db.name, PGPASSWORD_FILE: '/run/secrets/password' },
      flags,
    })
    const both = await lab.run(image, [], { env: { ...db.env, DATABASE_URL_FILE: '/run/secrets/url' }, flags })
    const gone = await lab.run(image, [], { env: { DATABASE_URL_FILE: '/run/secrets/nothing' }, flags })

    expect(url).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('DATABASE_URL_FILE') })
    expect(parts).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^up to date /m) })
    expect(both).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('DATABASE_URL_FILE') })
    expect(gone).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('/run/secrets/nothing') })
  })
})

describe('the termination log', () => {
  test('gets the cause first, in at most a kibibyte, when it is there', async ({ lab, db }) => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i + 1}_bad.sql`, 'selct 1;\n']))
    const words = (await runWith(lab.folder(many))).words

    expect(words).toMatch(/^\S.*(INVALID|problems)/)
    expect(words).toContain('migrations/1_bad.sql:1:1')
    expect(Buffer.byteLength(words)).toBeLessThanOrEqual(1024)
    expect((await runWith(lab.folder(sleepy))).words).toMatch(/^done: 1 migration applied/)

    async function runWith(folder: string) {
      const file = join(lab.folder({ log: '' }), 'log')
      // The kubelet lets everybody write into it.
      fs.chmodSync(file, 0o666)
      const flags = ['--read-only', '--volume', `${folder}:/migrations:ro`, '--volume', `${file}:/dev/termination-log`]
      const outcome = await lab.run(await lab.image('upfront'), [], { env: db.env, flags })
      return { ...outcome, words: fs.readFileSync(file, 'utf8') }
    }
  })

  test('that cannot be written changes nothing', async ({ lab, db }) => {
    const file = join(lab.folder({ log: 'before' }), 'log')
    const flags = ['--volume', `${file}:/dev/termination-log`]

    const { exitCode } = await lab.run(await lab.image('template'), [], { env: db.env, flags })

    expect(exitCode).toBe(0)
    expect(fs.readFileSync(file, 'utf8')).toBe('before')
  })
})

describe('the log', () => {
  test('is the same in every time zone and language', async ({ lab, server }) => {
    const folder = lab.folder({
      '001_a.sql': 'select 1;\n',
      '002_grüße.sql': `select 'Grüße'::text, 1 / 0; -- größer\n`,
    })
    const logOf = async (format: string, env: Record<string, string>) => {
      const database = await server.createDatabase()
      const flags = ['--volume', `${folder}:/migrations:ro`, '--hostname', 'runner']
      const settings = { ...database.env, UPFRONT_LOG_FORMAT: format, ...env }
      const { exitCode, stderr } = await lab.run(await lab.image('upfront'), [], { env: settings, flags })
      expect(exitCode).toBe(22)
      return stderr.replaceAll(database.name, 'DB')
    }
    const here = { TZ: 'UTC', LANG: 'C.UTF-8' }
    const there = { TZ: 'Asia/Tokyo', LANG: 'C', LC_ALL: 'C' }

    expect(withoutTimes(await logOf('text', there))).toBe(withoutTimes(await logOf('text', here)))
    const json = await logOf('json', there)
    expect(withoutTimes(json)).toBe(withoutTimes(await logOf('json', here)))
    expect(json).toContain('größer')
    for (const [, time] of json.matchAll(/"time":"(.*?)"/g))
      expect(Math.abs(Date.now() - Date.parse(time!))).toBeLessThan(60_000)
  })
})

describe('a new Postgres', () => {
  test('that is busy with its first start is waited for, and not used before it is over', async ({ lab }) => {
    const initdb = lab.folder({ 'slow.sql': 'select pg_sleep(4);\ncreate table made_by_initdb ();\n' })
    const folder = lab.folder({ '001_needs_it.sql': 'alter table made_by_initdb add column id int;\n' })
    const image = await lab.image('upfront')
    const server = await launchServer(lab, 'slow', initdb)

    const { exitCode, stderr } = await lab.run(image, [], {
      env: { DATABASE_URL: urlOf('slow') },
      flags: ['--volume', `${folder}:/migrations:ro`],
    })

    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(/^done /m) })
    expect(stderr).toMatch(/^waiting +connect ECONNREFUSED/m)
    expect(stderr.match(/^waiting/gm)!.length).toBeLessThanOrEqual(4)
    expect(await server.logs()).toContain('ready for start up')
  })
})

function withoutTimes(log: string): string {
  return log
    .replace(/"time":".*?"/g, 'TIME')
    .replace(/\d+(\.\d+)? m?s\b/g, 'DURATION')
    .replace(/"(elapsed|duration)_ms":[\d.]+/g, 'MS')
}
