// A migration that is older than the newest applied one: what its own tool does with it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { type Database, test } from '../support/database.ts'

const table = (name: string) => `create table ${name} (id int primary key);\n`
const stamped = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [`${name}/migration.sql`, table(`"${name}"`)]))

/** The folders of drizzle 1.0, as it is with the newest one generated. */
const folders = (...names: readonly string[]) => ({ ...stamped(...names), '20240102000000_b/snapshot.json': '{}' })

/** As drizzle-orm 1.0.0-rc.5 leaves it after the migration. */
const named = (
  name: string,
) => `create schema drizzle; create table drizzle.__drizzle_migrations (id serial primary key,
  hash text not null, created_at bigint, name text, applied_at timestamptz default now());
  insert into drizzle.__drizzle_migrations (hash, created_at, name) values ('', ${Date.UTC(2024, 0, 2)}, '${name}')`

async function compileInto(db: Database, out: string): Promise<Record<string, string>> {
  const compiled = await db.run(['compile', '--out', out])
  expect(compiled.exitCode, compiled.stderr).toBe(0)
  return { UPFRONT_MIGRATIONS_DIR: join(db.dir, out, 'migrations') }
}

describe('of drizzle 1.0, which goes by names, it is applied', () => {
  const first = folders('20240102000000_b')
  // Two of one stamp go by their names, and one that comes later between them runs all the same.
  const more = folders('20240101000000_a', '20240102000000_b', '20240103000000_d', '20240103000000_c')
  const all = { ...more, ...folders('20240103000000_a') }

  test('after our own runs, from the folder', async ({ db }) => {
    db.files(first)
    await db.up()
    db.files(more)
    const second = await db.up()
    expect(second.exitCode, second.stderr).toBe(0)
    expect(second.applied).toEqual(['20240101000000_a', '20240103000000_c', '20240103000000_d'])
    db.files(all)
    expect((await db.run(['status', '--exit-code'])).exitCode).not.toBe(21)
    expect((await db.up()).applied).toEqual(['20240103000000_a'])
    expect((await db.up()).stderr).toContain('up to date')
  })

  test('from a bundle, which is not told the format', async ({ db }) => {
    db.files(first)
    await db.up([], await compileInto(db, 'one'))
    db.files(more)
    const second = await db.up([], await compileInto(db, 'two'))
    expect(second.exitCode, second.stderr).toBe(0)
    expect(second.applied).toEqual(['20240101000000_a', '20240103000000_c', '20240103000000_d'])
  })

  test('after what drizzle itself has applied', async ({ db }) => {
    db.files(more)
    await db.query(`${table('"20240102000000_b"')} ${named('20240102000000_b')}`)
    await db.query(
      `update drizzle.__drizzle_migrations set hash = encode(sha256('${table('"20240102000000_b"')}'), 'hex')`,
    )
    const { exitCode, stderr, applied } = await db.up()
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual(['20240101000000_a', '20240103000000_c', '20240103000000_d'])
  })

  test('unless somebody says that it is an error', async ({ db }) => {
    db.files(first)
    await db.up()
    db.files(more)
    const { exitCode, stderr } = await db.up([], { UPFRONT_OUT_OF_ORDER: 'error' })
    expect(exitCode).toBe(21)
    expect(stderr).toContain('20240101000000_a: not applied, though a later one is')
  })

  test('a bundle that says nothing of it, as an earlier version has written, goes on as it did', async ({ db }) => {
    db.files(first)
    await db.up()
    db.files(more)
    const env = await compileInto(db, 'bundle')
    const manifest = join(env['UPFRONT_MIGRATIONS_DIR']!, 'manifest.json')
    const text = readFileSync(manifest, 'utf8')
    expect(text).toContain(',"appliesLate":true')
    writeFileSync(manifest, text.replace(',"appliesLate":true', ''))
    expect((await db.up([], env)).exitCode).toBe(21)
    expect((await db.up([], { ...env, UPFRONT_OUT_OF_ORDER: 'apply' })).exitCode).toBe(0)
  })
})

describe('of drizzle with a journal, which would never run it, it is 21', () => {
  const journal = (...tags: readonly (readonly [tag: string, when: number])[]) => ({
    'meta/_journal.json': JSON.stringify({ entries: tags.map(([tag, when], idx) => ({ idx, when, tag })) }),
    ...Object.fromEntries(tags.map(([tag]) => [`${tag}.sql`, table(`"${tag}"`)])),
  })

  test('after our own runs, from the folder and from a bundle', async ({ db }) => {
    db.files(journal(['0000_b', 2000]))
    await db.up()
    db.files(journal(['0000_a', 1000], ['0000_b', 2000]))
    for (const env of [{}, await compileInto(db, 'bundle')]) {
      const { exitCode, stderr } = await db.up([], env)
      expect(exitCode).toBe(21)
      expect(stderr).toContain('0000_a: not applied, though a later one is')
    }
  })
})
