import { expect, test } from 'vitest'
import { parseArguments } from '../../src/arguments.ts'
import { Failure } from '../../src/errors.ts'

function parse(...argv: string[]) {
  const { name, flags, settings, operands } = parseArguments(argv)
  return { name, flags, settings, operands }
}

const plain = { flags: {}, settings: {}, operands: [] }

test.each([
  [[], 'up'],
  [['up'], 'up'],
  [['migrate'], 'up'],
  [['deploy'], 'up'],
  [['status'], 'status'],
  [['baseline'], 'baseline'],
  [['help'], 'help'],
  [['--help'], 'help'],
  [['-h'], 'help'],
  [['up', '--help'], 'help'],
  [['version'], 'version'],
  [['--version'], 'version'],
  [['-v'], 'version'],
])('%j is %s', (argv, name) => {
  expect(parse(...argv)).toEqual({ name, ...plain })
})

test('flags of the command, with and without a value', () => {
  expect(parse('status', '--json', '--exit-code')).toMatchObject({ flags: { json: true, 'exit-code': true } })
  expect(parse('baseline', '--to', '001_a')).toMatchObject({ flags: { to: '001_a' } })
  expect(parse('baseline', '--to=001_a=b')).toMatchObject({ flags: { to: '001_a=b' } })
})

test('every setting is a flag, before and after the flags of the command', () => {
  expect(parse('status', '--schema', 'x', '--json', '--wait-timeout=5s')).toEqual({
    name: 'status',
    flags: { json: true },
    settings: { schema: 'x', 'wait-timeout': '5s' },
    operands: [],
  })
  expect(parse('--seed', 'demo')).toMatchObject({ name: 'up', settings: { seed: 'demo' } })
})

test('a boolean setting needs no value and takes one after =', () => {
  expect(parse('up', '--create-database').settings).toEqual({ 'create-database': 'true' })
  expect(parse('up', '--create-database=false').settings).toEqual({ 'create-database': 'false' })
  expect(parse('up', '--create-database', '--seed', 'x').settings).toEqual({ 'create-database': 'true', seed: 'x' })
})

test('a value may look like anything', () => {
  expect(parse('up', '--schema', '--odd').settings).toEqual({ schema: '--odd' })
  expect(parse('up', '--schema=').settings).toEqual({ schema: '' })
})

function failure(...argv: string[]) {
  try {
    parseArguments(argv)
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, message: error.message, next: error.facts.next }
  }
  throw new Error(`${argv.join(' ')} was understood`)
}

test.each([
  [['stauts'], 'there is no command "stauts"', 'Did you mean status?'],
  [['migarte'], 'there is no command "migarte"', 'Did you mean migrate?'],
  [['frobnicate'], 'there is no command "frobnicate"', 'One of up, migrate, deploy, contract, status'],
  [['constructor'], 'there is no command "constructor"', 'One of up'],
  [['__proto__'], 'there is no command "__proto__"', 'One of up'],
  [['version', '--jsno'], 'upfront version has no flag --jsno', 'See upfront help'],
  [['status', '--jsno'], 'upfront status has no flag --jsno', 'Did you mean --json?'],
  [['up', '--lock-wiat', '1s'], 'upfront up has no flag --lock-wiat', 'Did you mean --lock-wait?'],
  [['up', '--toString'], 'upfront up has no flag --toString', 'See upfront help'],
  [['version', '--json'], 'upfront version has no flag --json', ''],
  [['status', '--constructor'], 'upfront status has no flag --constructor', ''],
  [['up', '--seed'], '--seed needs a value', 'upfront up --seed <value>'],
  [['baseline', '--to'], '--to needs a value', 'upfront baseline --to <value>'],
  [['status', '--json=1'], '--json takes no value', 'upfront status --json'],
  [['up', 'now'], '"now" is one word too many for upfront up', 'See upfront help.'],
  [['up', '-x'], '"-x"', ''],
  [['-x'], '"-x"', ''],
])('%j is refused', (argv, message, next) => {
  expect(failure(...argv)).toEqual({
    code: 'USAGE',
    message: expect.stringContaining(message),
    next: expect.stringContaining(next),
  })
})
