import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { expect } from 'vitest'
import { decodeText } from '../../src/folder/text.ts'
import { wholeWindow } from '../../src/sql/lex/window.ts'
import { loadParser, parse } from '../../src/sql/parser.ts'
import { split } from '../../src/sql/split.ts'
import { test } from '../support/database.ts'

const folder = join(import.meta.dirname, '../fixtures/sql')
const fixtures = globSync('*.sql', { cwd: folder }).toSorted()

/** How many statements the server completes of a text that is sent as one message. */
async function countCompleted(client: pg.Client, text: string) {
  let completed = 0
  const count = () => void (completed += 1)
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
  connection.on('commandComplete', count)
  await client.query(text)
  connection.off('commandComplete', count)
  return completed
}

test.for(fixtures)('%s has as many statements for us, for the parser and for the server', async (name, { db }) => {
  await loadParser()
  const decoded = decodeText(readFileSync(join(folder, name)))
  const text = 'text' in decoded ? decoded.text : ''
  let ours = 0
  split(wholeWindow(Buffer.from(text)), { statement: () => void (ours += 1) })
  const parsed = parse(text)
  expect(parsed).toHaveProperty('statements')

  const client = await db.connect()
  // A savepoint is possible in a transaction only, which is where files run.
  await client.query('begin')
  const completed = await countCompleted(client, text)

  expect(ours).toBe(completed)
  expect((parsed as { statements: unknown[] }).statements).toHaveLength(completed)
})
