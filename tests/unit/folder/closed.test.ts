import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderForEachTest } from '../../support/folder.ts'

const program = join(import.meta.dirname, '../../../entrypoint.ts')

/** For whom modes count, as they do for the user of the image. */
const somebody = process.geteuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

const table = 'create table users (id int primary key);\n'
const committed = '--! Previous: -\n--! Hash: sha1:0000\n\nselect 1;\n'

// Each of these was a run without some of its migrations, a folder of nobody, or a bug of ours.
const folders: readonly (readonly [string, Record<string, string>, closed: string])[] = [
  ['a folder', { 'migrations/1_users.sql': table }, 'migrations'],
  ['a bundle', { 'migrations/manifest.json': '{}' }, 'migrations/manifest.json'],
  [
    'what runs again',
    { 'migrations/1_users.sql': table, 'migrations/repeatable/a.sql': table },
    'migrations/repeatable',
  ],
  ['a part of flyway', { 'migrations/V1__a.sql': table, 'migrations/more/V2__b.sql': table }, 'migrations/more'],
  ['its setting', { 'migrations/V1__a.sql': table, 'migrations/V1__a.sql.conf': '' }, 'migrations/V1__a.sql.conf'],
  [
    'the journal of drizzle',
    { 'migrations/0000_a.sql': table, 'migrations/meta/_journal.json': '{}' },
    'migrations/meta',
  ],
  [
    'a folder of prisma',
    { 'migrations/migration_lock.toml': '', 'migrations/1_a/migration.sql': table },
    'migrations/1_a',
  ],
  ['that of graphile-migrate', { 'migrations/committed/000001.sql': committed }, 'migrations/committed'],
  ['seeds', { 'migrations/1_users.sql': table, 'seeds/1_users.sql': table }, 'seeds'],
  ['seeds of one environment', { 'migrations/1_users.sql': table, 'seeds/demo/1_users.sql': table }, 'seeds/demo'],
]

const folder = folderForEachTest()

test.for(folders)('%s that may not be read is exit 20 and named, with ways out', ([, files, closed]) => {
  const { status, stderr } = up(files, closed)

  expect({ status, stderr }).toEqual({ status: 20, stderr: expect.stringContaining(`${closed} cannot be read`) })
  expect(stderr).toContain('chmod -R a+rX')
})

test('what a volume has at its root for itself is nothing to read', () => {
  const { status, stderr } = up(
    { 'migrations/1_users.sql': table, 'migrations/lost+found/x': '' },
    'migrations/lost+found',
  )

  expect({ status, stderr }).toEqual({ status: 30, stderr: expect.stringContaining('up: 1 migration in migrations') })
})

/** Runs up where there is no server, on these files, one of which nobody may read. */
function up(files: Record<string, string>, closed: string) {
  folder.files({ 'seeds/1_none.sql': table, ...files })
  chmodSync(folder.dir, 0o755)
  chmodSync(join(folder.dir, closed), 0o000)
  const ended = spawnSync(process.execPath, [program, 'up'], {
    ...somebody,
    cwd: folder.dir,
    encoding: 'utf8',
    env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', UPFRONT_WAIT_TIMEOUT: '100ms', UPFRONT_SEED: 'demo' },
  })
  chmodSync(join(folder.dir, closed), 0o755)
  return ended
}
