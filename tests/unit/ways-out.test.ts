// Reads the source as text: whoever is refused at night has to be told what to type.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** The functions of a file, as far as its layout tells. */
function functionsOf(text: string): string[] {
  return text.split(/^(?=(?:export )?(?:async )?function )/m)
}

const command =
  /repairCommands?\(|halfDoneCommands\(|advise\(|'upfront baseline|upfront up|upfront down|index concurrently|left\.list|set UPFRONT_(MISSING|FORMAT)=/

test('every message of 21 and 23 names a command to type, or a setting', () => {
  const refusing = globSync('src/**/*.ts', { cwd: root }).flatMap((file) =>
    functionsOf(readFileSync(join(root, file), 'utf8'))
      .filter((text) => /new Failure\(\s*'(PARTIAL|MISMATCH)'/.test(text))
      .map((text) => ({ at: `${file}: ${/function (\w+)/.exec(text)?.[1]}`, text })),
  )
  expect(refusing.length).toBeGreaterThan(10)
  expect(refusing.filter(({ text }) => !command.test(text)).map(({ at }) => at)).toEqual([])
})
