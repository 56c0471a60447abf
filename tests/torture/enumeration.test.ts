// The scenario, with one fault at each of its messages in turn.
import { expect, inject, test } from 'vitest'
import { withDatabase } from '../support/database.ts'
import { addFigures } from './harness/figures.ts'
import { faults } from './harness/faults.ts'
import { paintGolden } from './harness/scenario.ts'
import { type Fault, listMessages, runTrial } from './harness/trial.ts'
import { inDatabases } from './harness/turns.ts'

const full = process.env['TORTURE'] === 'full'

/** In `npm test` every third message and the most telling faults. */
const short = new Set(['drop the reply', 'reset', 'a black hole after it', 'SIGKILL', 'SIGTERM'])
const chosen = (list: readonly Fault[]) => list.filter(({ name }) => full || short.has(name))

const golden = async (url: string) => {
  let pictures: Awaited<ReturnType<typeof paintGolden>> = []
  await withDatabase(url, async (db) => void (pictures = await paintGolden(db.url)))
  return pictures
}

for (const [kind, atOnce] of [
  ['lost', 16],
  // They wait, and need no processor for it.
  ['silent', 32],
  ['deadly', 6],
] as const) {
  test.for(chosen(faults[kind]).map((fault) => [fault.name, fault] as const))(
    '%s, at every message: nothing torn, nothing hung, nothing false',
    async ([, fault], { task }) => {
      const url = inject('postgresUrl')
      const pictures = await golden(url)
      const messages = (await listMessages(url)).filter((_, i) => full || i % 3 === 0)
      expect(messages.length).toBeGreaterThan(full ? 60 : 20)
      const trials = await inDatabases(url, atOnce, messages, (db, message) => runTrial(db, fault, message, pictures))
      addFigures(task, trials)
      expect(trials.filter(({ findings }) => findings.length > 0)).toEqual([])
    },
  )
}
