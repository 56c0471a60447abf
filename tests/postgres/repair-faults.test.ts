import { expect } from 'vitest'
import { type Database, test } from '../support/database.ts'
import { type Judge, startProxy } from '../support/proxy.ts'

const files = { '0001_a.sql': 'create table a (id int)', '0002_b.sql': 'create table b (id int)' }

/** A database with a row to forget, of tables that an earlier version made. */
async function prepare(db: Database) {
  db.files(files)
  await db.up()
  await db.query('alter table upfront.runs drop action, drop subject, drop reason, drop was')
  db.files({ '0002_b.sql': files['0002_b.sql'] })
}

async function forgetThrough(db: Database, judge: Judge) {
  await using proxy = await startProxy(Number(new URL(db.url).port), judge)
  const outcome = await db.run(['repair', '--forget', '0001_a', '--reason', 'squashed'], {
    UPFRONT_DATABASE_URL: db.urlOf({ port: proxy.port }),
  })
  const begin = proxy.messages.findIndex(({ text }) => /^\s*begin/i.test(text))
  return { ...outcome, begin, messages: proxy.messages.length }
}

/** Done, once, with its reason; and nothing else. */
async function expectOnce(db: Database) {
  expect(await db.history()).toEqual(['migration 0002_b applied'])
  expect(
    await db.query(`select action, subject, reason, was->>'name' as was from upfront.runs where command = 'repair'`),
  ).toEqual([{ action: 'forget', subject: '0001_a', reason: 'squashed', was: '0001_a' }])
  expect(await db.leftovers()).toEqual({ sessions: 0, locks: 0 })
}

test.for(['drop request', 'drop reply', 'reset'] as const)(
  'a repair comes to its end once, whichever message meets this fault: %s',
  { timeout: 120_000 },
  async (fate, { db }) => {
    await prepare(db)
    const { begin, messages } = await forgetThrough(db, () => 'forward')
    expect(begin).toBeGreaterThan(5)
    await expectOnce(db)
    // What comes before is as in every other command.
    for (let which = begin; which < messages; which += 1) {
      await db.query('drop schema upfront cascade; drop table if exists a, b')
      await prepare(db)
      let seen = 0
      const { exitCode, stderr } = await forgetThrough(db, () => (seen++ === which ? fate : 'forward'))
      expect(exitCode, `message ${which}:\n${stderr}`).toBe(0)
      await expectOnce(db)
    }
  },
)
