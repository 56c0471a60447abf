import { readHistory } from '../history/rows.ts'
import { historyTables } from '../history/tables.ts'
import { withLocalSettings } from '../postgres/local-settings.ts'
import { renderTable } from '../report/table.ts'
import { openMigrationsOf } from '../run/folders.ts'
import type { Run } from '../run/run.ts'
import { announce, requireAnswer, withServer } from '../run/server.ts'
import { storyOf } from '../run/shadow/story-of.ts'
import { type Expected, expectedOf } from '../run/verify/expected.ts'
import { type Held, holdAgainst, refuseDifference } from '../run/verify/held-against.ts'
import type { SchemaObject } from '../schema/description.ts'
import { isSame } from '../schema/difference.ts'
import type { SchemaStory } from '../schema/steps.ts'
import { countDifference } from '../schema/tell.ts'

/** Holds the live schema against the one that the migrations make; only reads. Throws DRIFT when they differ. */
export async function verify(run: Run): Promise<number> {
  return verifyAgainst(run, await storyOf(run))
}

/** The same against a story that is known already. */
export async function verifyAgainst(run: Run, story: SchemaStory): Promise<number> {
  const { config } = run
  const bundle = await openMigrationsOf(run)
  announce(run, 'verify', bundle)
  const { expected, found } = await withServer(run, requireAnswer, async (session) => {
    const { role, searchPath } = config.target!
    const local = { lockTimeoutMs: config.lockTimeoutMs, role, searchPath, readOnly: true } as const
    const reader = withLocalSettings(session, local)
    const read = async () => (await readHistory(reader, historyTables(session, config))) ?? []
    for (let history = await read(); ;) {
      const should = await expectedOf(story, bundle, history)
      const held = await holdAgainst({ run, session, bundle, local }, should.schema)
      const since = isSame(held) ? history : await read()
      // A runner that has applied something in between is no drift.
      if (JSON.stringify(since) === JSON.stringify(history)) return { expected: should, found: held }
      history = since
    }
  })
  run.answer(run.flags['json'] ? asJson(expected, found) : asText(expected, found))
  refuseDifference(found, expected.upTo === undefined ? 'that the bundle makes' : `that ${expected.upTo} leaves`)
  return 0
}

function asText({ upTo, pending }: Expected, found: Held): string {
  const rows = [
    ...found.missing.map(({ kind, name, is }) => ['missing', `${kind} ${name}`, is]),
    ...found.different.flatMap(({ expected, found: there }) => [
      ['different', `${expected.kind} ${expected.name}`, `expected  ${expected.is}`],
      ['', '', `found     ${there.is}`],
    ]),
    ...found.unexpected.map(({ kind, name, is }) => ['unexpected', `${kind} ${name}`, is]),
  ]
  const until = upTo === undefined ? '' : ` up to ${upTo} (${pending.length} pending)`
  const verdict = isSame(found)
    ? `${found.compared} objects are as the migrations${until} make them`
    : `${countDifference(found)}, of ${found.compared} objects that the migrations${until} make`
  const notes = [...found.notCompared, ...found.unseen].map((note) => `not compared: ${note}`)
  return [...(rows.length > 0 ? [renderTable(rows, ['state', 'what', 'definition'])] : []), verdict, ...notes].join(
    '\n',
  )
}

function asJson({ upTo, pending }: Expected, found: Held): string {
  const plain = ({ kind, name, is }: SchemaObject) => ({ kind, name, definition: is })
  const answer = {
    same: isSame(found) && found.unseen.length === 0,
    objects: found.compared,
    up_to: upTo ?? null,
    pending,
    missing: found.missing.map(plain),
    unexpected: found.unexpected.map(plain),
    different: found.different.map(({ expected: { kind, name, is }, found: { is: there } }) => ({
      kind,
      name,
      expected: is,
      found: there,
    })),
    not_compared: found.notCompared,
    unseen: found.unseen,
  }
  return JSON.stringify(answer, null, 2)
}
