import { expect, test } from 'vitest'
import { parseArguments } from '../../../../src/arguments.ts'
import { halfDoneCommands, quoteForShell, repairCommand } from '../../../../src/history/repair/command.ts'

test.each([
  ['0001_users', '0001_users'],
  ['development/010_core.users.csv', 'development/010_core.users.csv'],
  ['0001_größe', '0001_größe'],
  ['0001_two words', `'0001_two words'`],
  [`0001_it's`, `'0001_it'\\''s'`],
  ['0001_$HOME', `'0001_$HOME'`],
  ['', `''`],
])('the word %s goes through a shell unchanged', (word, quoted) => {
  expect(quoteForShell(word)).toBe(quoted)
})

test('a command can be typed as it is, the reason in place of the dots', () => {
  expect(repairCommand('accept', '0001_users')).toBe('upfront repair --accept 0001_users --reason "..."')
  const { name, flags } = parseArguments(['repair', '--forget=-1.sql', '--reason', 'why'])
  expect(repairCommand('forget', '-1.sql')).toBe('upfront repair --forget=-1.sql --reason "..."')
  expect({ name, flags }).toEqual({ name: 'repair', flags: { forget: '-1.sql', reason: 'why' } })
})

test('what stopped half way has two ways on', () => {
  expect(halfDoneCommands('0001_a').map((text) => text.replace(/^.*?: /, ''))).toEqual([
    'upfront repair --done 0001_a --reason "..."',
    'upfront repair --not-done 0001_a --reason "..."',
  ])
})
