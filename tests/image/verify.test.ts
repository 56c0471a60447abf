// The README's walk-through of `verify`, as it stands there.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { must, root } from './lab.ts'
import { test } from './support.ts'

const readme = fs.readFileSync(join(root, 'README.md'), 'utf8')

const members = `create schema app;
create table app.members (id bigint generated always as identity primary key, email text not null);
create unique index members_email on app.members (email);
-- upfront:down
drop schema app cascade;
`

/** The Dockerfile of the README that compiles with --schema, on the images of these tests. */
function dockerfile(compiler: string, upfront: string): string {
  const found = /```dockerfile\n(FROM upfront:compiler[^]*?)```/.exec(readme)![1]!
  return found.replace('upfront:compiler', compiler).replace('FROM upfront\n', `FROM ${upfront}\n`)
}

test('a bundle is made with its schema in a build stage, up verifies it, and verify finds what somebody dropped', async ({
  lab,
  db,
}) => {
  const compiler = await lab.image('compiler')
  const upfront = await lab.image('upfront')
  const context = lab.folder({ 'migrations/1_members.sql': members, Dockerfile: dockerfile(compiler, upfront) })
  const built = await lab.build('members', context)
  expect(built.exitCode, built.stderr).toBe(0)
  const { image } = built

  const up = await must(lab.run(image, [], { env: db.env, flags: ['--read-only'] }))
  expect(up.stderr).toMatch(/^verified +7 objects as the migrations make them/m)
  await db.query('drop index app.members_email; alter table app.members drop column email')
  const verify = await lab.run(image, ['verify'], { env: db.env, flags: ['--read-only'] })

  expect(verify.exitCode).toBe(27)
  const shown = /\$ docker run .* my-migrations verify\n([^]*?)```/.exec(readme)![1]!
  expect(verify.stdout).toBe(shown)
  expect((await must(lab.run(image, ['status'], { env: db.env }))).stdout).toMatch(/^schema verified .*Z: as the /m)
})

test('a migration that does not run on an empty server does not build', async ({ lab }) => {
  const Dockerfile = dockerfile(await lab.image('compiler'), await lab.image('upfront'))
  const sql = 'create table t (id int);\nalter table no_such_table add column a int;\n'
  const built = await lab.build('wrong', lab.folder({ 'migrations/1_t.sql': sql, Dockerfile }), '--progress', 'plain')
  expect(built.exitCode).not.toBe(0)
  expect(built.stderr).toContain('migrations/1_t.sql:2:')
  expect(built.stderr).toContain('relation "no_such_table" does not exist')
})
