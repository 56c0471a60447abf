// Folders and histories that the real tools have made (npm run fixtures): Upfront alone, and after the tool's first half.
import { cpSync, existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { describeSchema } from '../../scripts/try-folder/schema.ts'
import { type Database, test } from '../support/database.ts'

const root = join(import.meta.dirname, '../fixtures')
const fixtures = readdirSync(root).filter((name) => existsSync(join(root, name, 'tool.json')))

/** Folders without a mark, or that hold code. */
const told: Readonly<Record<string, string>> = { umzug: 'umzug', knex: 'knex', typeorm: 'typeorm' }
const isCode = (name: string) => name === 'knex' || name === 'typeorm'
interface Facts {
  readonly tables: readonly string[]
}
const factsOf = (name: string) => JSON.parse(readFileSync(join(root, name, 'tool.json'), 'utf8')) as Facts
const half = (name: string) =>
  JSON.parse(readFileSync(join(root, name, 'half.json'), 'utf8')) as { rows: number; of: number }

function open(db: Database, name: string): Record<string, string> {
  cpSync(join(root, name, 'migrations'), db.migrationsDir, { recursive: true })
  return told[name] ? { UPFRONT_FORMAT: told[name] } : {}
}

/** The tool's own table, with so many of its rows. */
async function toolHas(db: Database, name: string, rows: number): Promise<void> {
  await db.query(readFileSync(join(root, name, 'history.sql'), 'utf8'))
  const [table] = factsOf(name).tables
  await db.query(`delete from ${table!} where ctid not in (select ctid from ${table!} order by ctid limit ${rows})`)
  // Of prisma 8 the marker alone decides, and it goes along with the newest row.
  if (name === 'prisma-8')
    await db.query(`update prisma_contract.marker set core_hash =
      (select destination_core_hash from prisma_contract.ledger order by id desc limit 1)`)
}

/** What the migrations have made; the tool's own tables are gone afterwards. */
async function schemaOf(db: Database, name: string): Promise<readonly string[]> {
  const client = await db.connect()
  try {
    const { tables } = factsOf(name)
    const [schema] = tables[0]!.split('.')
    return await describeSchema(client, schema === 'public' ? { tables } : { tables, schema: schema! })
  } finally {
    await client.end()
  }
}

test('there is one of each tool that can be had', () => {
  expect(fixtures).toEqual(['dbmate', 'drizzle', 'drizzle-1', 'graphile-migrate', 'knex', 'node-pg-migrate', 'prisma-6', 'prisma-7', 'prisma-8', 'sql-migrate', 'typeorm', 'umzug']) // prettier-ignore
})

describe.each(fixtures)('%s', (name) => {
  const { rows, of } = half(name)

  test('what the tool has applied is known, all of it by key and hash, and nothing runs', async ({ db }) => {
    const env = open(db, name)
    await toolHas(db, name, of)
    const { exitCode, stderr, applied } = await db.up([], env)
    expect(exitCode, stderr).toBe(0)
    expect(applied).toEqual([])
    const history = (await db.history())!
    expect(history).toHaveLength(of)
    expect(history.filter((row) => !row.endsWith(' adopted'))).toEqual([])
    expect((await db.up([], env)).stderr).toContain('up to date')
  })

  test(
    isCode(name)
      ? 'code that is pending is refused by its name'
      : 'alone, and for the second half, the schema is the same',
    async ({ db }) => {
      const env = open(db, name)
      if (isCode(name)) {
        await toolHas(db, name, rows)
        const { exitCode, stderr } = await db.up([], env)
        expect(exitCode, stderr).toBe(20)
        expect(stderr.match(/is code that only/g)).toHaveLength(of - rows)
        return
      }
      const anew = 'drop schema if exists upfront cascade; drop schema public cascade; create schema public'
      await db.query(anew)
      const { exitCode, stderr, applied } = await db.up([], env)
      expect(exitCode, stderr).toBe(0)
      expect(applied).toHaveLength(of)
      const whole = await schemaOf(db, name)
      expect(whole.length).toBeGreaterThan(10)

      await db.query(anew)
      await db.up(['--to', applied[rows - 1]!], env)
      await db.query('drop schema upfront cascade')
      await toolHas(db, name, rows)
      const second = await db.up([], env)
      expect(second.exitCode, second.stderr).toBe(0)
      expect(second.applied).toEqual(applied.slice(rows))
      expect(await schemaOf(db, name)).toEqual(whole)
    },
  )
})
