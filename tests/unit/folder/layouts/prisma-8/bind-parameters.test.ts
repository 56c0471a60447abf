import { expect, test } from 'vitest'
import { bindParameters } from '../../../../../src/folder/layouts/prisma-8/bind-parameters.ts'

const bind = (sql: string, ...params: readonly unknown[]) => bindParameters({ sql, params })

test('values stand in the place of parameters, and nowhere else', () => {
  expect(bind('select $1, $2', 'a', 1)).toBe("select  'a' ,  '1' ")
  expect(bind(`select '$1', "$1", $$ $1 $$, a$1 /* $1 */ -- $1`, 'a')).toBe(
    `select '$1', "$1", $$ $1 $$, a$1 /* $1 */ -- $1`,
  )
  expect(bind('select $1, $10', ...Array.from({ length: 10 }, (_, i) => i))).toBe("select  '0' ,  '9' ")
  expect(bind('select $2', 'a')).toBe('select $2')
  expect(bindParameters({ sql: 'select $1' })).toBe('select $1')
})

test('a value is one text, whatever is in it', () => {
  expect(bind('select $1', "it's")).toBe("select  'it''s' ")
  expect(bind('select $1', 'a\\b')).toBe("select  E'a\\\\b' ")
  expect(bind('select $1', '$1')).toBe("select  '$1' ")
})

test('values become what the driver makes of them', () => {
  expect(bind('select $1, $2, $3', null, true, 1.5)).toBe("select null,  'true' ,  '1.5' ")
  expect(bind('select $1', { a: [1, null] })).toBe(`select  '{"a":[1,null]}' `)
  expect(bind('select $1', [1, null, ['a"b']])).toBe(`select  E'{"1",NULL,{"a\\\\"b"}}' `)
})
