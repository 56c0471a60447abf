import { expect, test } from 'vitest'
import { cloneName, ourNames, readMark, templateName, writeMark } from '../../../../src/run/test-database/marks.ts'

const key = 'abcdef0123456789'.repeat(4)

test('a mark reads as it was written, whatever the database is called in which it was made', () => {
  for (const from of ['postgres', 'Tëst "x" {"kind":"clone"} \\', 'upfront: a test database {}']) {
    for (const kind of ['template', 'clone'] as const) {
      const mark = { kind, key, from, used: 12 }
      expect(readMark(writeMark(mark))).toEqual(mark)
    }
  }
})

test.each([
  null,
  '',
  'the database of the shop',
  'upfront: a test database',
  'upfront: a test database {}',
  'upfront: a test database {"kind":"other","key":"a","used":1}',
  'upfront: the template of test databases null',
  'upfront: the template of test databases {"kind":"template"',
])('%s is no mark', (comment) => {
  expect(readMark(comment)).toBeNull()
})

test('the names that we give are known as ours, and no others', () => {
  const ours = new RegExp(ourNames)
  expect([templateName(key), cloneName(key)].filter((name) => !ours.test(name))).toEqual([])
  expect(cloneName(key)).not.toBe(cloneName(key))
  for (const name of ['upfront_test_db', 'upfront_template_1', `x${templateName(key)}`, `${cloneName(key)}0`])
    expect(ours.test(name), name).toBe(false)
})
