import { expect, test } from 'vitest'
import { replacePlaceholders } from '../../../../src/folder/foreign/placeholders.ts'

const values = new Map([
  ['schema', 'app'],
  ['Owner', 'alice'],
  ['nothing', ''],
  ['nested', '${schema}'],
  ['flyway:user', 'bob'],
])

test.each([
  ['create table ${schema}.t ();', 'create table app.t ();'],
  ['${OWNER} ${owner}', 'alice alice'],
  ['a${nothing}b', 'ab'],
  ['${nested}', '${schema}'],
  ['${flyway:user}', 'bob'],
  ["-- ${schema}\nselect '${schema}';", "-- app\nselect 'app';"],
  // Two dollars are passed over together.
  ['$${schema}', '$${schema}'],
  ['$$${schema}$$', '$$app$$'],
  ['do $x$ begin end $x$; select $1, 5 $', 'do $x$ begin end $x$; select $1, 5 $'],
  ['{schema} $ {schema}', '{schema} $ {schema}'],
])('%s -> %s', (text, expected) => {
  expect(replacePlaceholders(text, values)).toEqual({ text: expected, missing: [] })
})

test('what has no value stays, and is told with its line', () => {
  const text = 'select 1;\n\n${a} ${schema} ${b}\n${a}\n'
  expect(replacePlaceholders(text, values)).toEqual({
    text: 'select 1;\n\n${a} app ${b}\n${a}\n',
    missing: [
      { name: 'a', line: 3 },
      { name: 'b', line: 3 },
      { name: 'a', line: 4 },
    ],
  })
})

test('a placeholder that does not end is told', () => {
  expect(replacePlaceholders('select 1;\n${schema', values)).toEqual({
    text: 'select 1;\n${schema',
    missing: [{ name: 'schema', line: 2 }],
  })
})
