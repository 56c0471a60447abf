import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { chooseDatabase } from '../../../../src/config/database/database.ts'
import type { Layer } from '../../../../src/config/layers.ts'
import type { Problem } from '../../../../src/errors.ts'

const dir = mkdtempSync(join(tmpdir(), 'upfront-service-'))
afterAll(() => rmSync(dir, { recursive: true }))

writeFileSync(
  join(dir, 'services'),
  `# The servers.
[other]
host=elsewhere

[prod]
  host=db1,db2
port=6000
user=app
password=ses@me
dbname=shop
sslmode=require
# channel_binding=disable
channel_binding=require

[bad]
host=h
sslmod=sesame
ldap://sesame
nonsense sesame
`,
)

async function choose(variables: Record<string, string>) {
  const said = { problems: [] as Problem[], warnings: [] as string[], unnamed: [] as Problem[] }
  const layer: Layer = { label: '', variables, cwd: dir }
  const database = await chooseDatabase([layer], said)
  return { database, problems: said.problems.map(({ what }) => what), warnings: said.warnings }
}

test('PGSERVICE names a database by itself', async () => {
  const { database, problems } = await choose({ PGSERVICE: 'prod', PGSERVICEFILE: 'services' })
  expect(problems).toEqual([])
  expect(database?.target).toMatchObject({
    hosts: [{ host: 'db1', port: 6000 }, { host: 'db2', port: 6000 }], // prettier-ignore
    user: 'app',
    password: 'ses@me',
    database: 'shop',
    tls: { mode: 'require' },
    channelBinding: 'require',
  })
  expect(database?.secrets).toContain('ses@me')
})

test('a URL beats its service, and the service beats PG*', async () => {
  const { database } = await choose({
    DATABASE_URL: 'postgres://me@/other?service=prod&sslmode=verify-full&servicefile=services',
    PGUSER: 'nobody',
    PGPASSWORD: 'nothing',
    PGPORT: '1',
    PGCHANNELBINDING: 'disable',
  })
  expect(database?.target).toMatchObject({
    hosts: [{ host: 'db1', port: 6000 }, { host: 'db2', port: 6000 }], // prettier-ignore
    user: 'me',
    password: 'ses@me',
    database: 'other',
    tls: { mode: 'verify-full' },
    channelBinding: 'require',
  })
})

test('without a PGSERVICEFILE it is the one in the home folder, then that of PGSYSCONFDIR', async () => {
  const home = mkdtempSync(join(dir, 'home-'))
  writeFileSync(join(home, '.pg_service.conf'), '[mine]\nhost=h\nuser=u\n')
  writeFileSync(join(home, 'pg_service.conf'), '[ours]\nhost=i\nuser=v\n')
  const world = { HOME: home, PGSYSCONFDIR: home }
  expect((await choose({ ...world, PGSERVICE: 'mine' })).database?.target.user).toBe('u')
  expect((await choose({ ...world, PGSERVICE: 'ours' })).database?.target.user).toBe('v')
})

test.each([
  [
    { PGSERVICE: 'none', PGSERVICEFILE: 'services' },
    `its service "none" is not defined: not in ${join(dir, 'services')}`,
  ],
  [{ PGSERVICE: 'prod', PGSERVICEFILE: 'absent' }, `its service file ${join(dir, 'absent')} does not exist`],
  [{ PGSERVICE: 'prod' }, 'there is no service file (PGSERVICEFILE)'],
  [{ PGSERVICE: 'prod', HOME: '/nonexistent' }, 'is not defined: not in /nonexistent/.pg_service.conf'],
  [{ PGSERVICE: 'bad', PGSERVICEFILE: 'services' }, 'did you mean sslmode?'],
  [{ PGSERVICE: 'bad', PGSERVICEFILE: 'services' }, 'line 18 asks LDAP'],
  [{ PGSERVICE: 'bad', PGSERVICEFILE: 'services' }, 'line 19 is not key=value'],
])('%j is a problem: %s', async (variables, problem) => {
  const { problems } = await choose(variables)
  expect(problems).toEqual([expect.stringContaining(problem)])
  expect(problems.join()).not.toContain('sesame')
})
