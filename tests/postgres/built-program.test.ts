// What is said by the program that ships, which is bundled and compiled by its own loader, and not by its sources.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { writeMigrations } from '../../src/bundle/write.ts'
import { test } from '../support/database.ts'
import { buildProgram } from '../support/program.ts'

const types = `import { hostname } from 'node:os'
export const up = (client: { query(sql: string): Promise<unknown> }) => client.query(\`select '\${hostname()}'\`)
`

test('a module is loaded and run without a word of Node in the log', async ({ db }) => {
  const { dir, remove } = await buildProgram('--program')
  try {
    db.files({ '001_users.sql': 'create table users (id int);', '002_module.ts': types })
    const out = join(db.dir, 'out')
    const start = async (args: readonly string[], migrations?: string) => {
      const { stderr } = await promisify(execFile)(process.execPath, [join(dir, 'dist/entrypoint.js'), ...args], {
        cwd: db.dir,
        env: { PATH: process.env['PATH'], ...db.env, ...(migrations && { UPFRONT_MIGRATIONS_DIR: migrations }) },
      })
      return stderr
    }
    await writeMigrations(db.migrationsDir, out)
    const mounted = await start(['up'])
    expect(mounted).toMatch(/applied +002_module/)
    expect(mounted).not.toMatch(/warning/i)

    await db.query('drop schema upfront cascade')
    await db.query('drop table users')
    const bundled = await start(['up'], out)
    expect(bundled).toMatch(/applied +002_module/)
    expect(bundled).not.toMatch(/warning/i)
  } finally {
    remove()
  }
})
