import { expect, test } from 'vitest'
import { renderMarkdown } from '../../../../src/run/rehearse/render/markdown.ts'
import { judge } from '../../../../src/run/rehearse/verdict.ts'
import { GB, lock, rehearsal, statement, work } from './rehearsal.ts'

const limits = { largeBytes: GB, longMs: 5_000 }

test('nothing of a name or a statement is markup, and nobody is called by it', () => {
  const name = '"a|b`c<img src=x>@admin\n| --- |[x](http://y)"'
  const found = rehearsal([statement(1, { sql: `select '${name}'`, locks: [lock(name)], work: [work('rewrites', name)] })], { [name]: 2 * GB }) // prettier-ignore
  const text = renderMarkdown(found, judge(found, limits))
  expect(text).not.toMatch(/<img|[^\\]`|@admin|[^\\]\]\(|http:\/\//)
  for (const line of text.split('\n').filter((one) => one.startsWith('|')))
    expect([4, 6, 1]).toContain(line.replaceAll('\\|', '').split('|').length - 1)
  // A new line inside of a name would begin a row.
  expect(text.split('\n').filter((one) => one.startsWith('| --- |')).length).toBe(3)
})

test('it is never longer than a comment may be, begins with the verdict, and says what is left out', () => {
  const locks = Array.from({ length: 3 }, (_, i) => lock(`app.table_with_a_long_name_${i}`))
  const many = rehearsal(
    Array.from({ length: 2_000 }, (_, i) => statement(i + 1, { locks, work: [work('scans', `t${i}`)] })),
  )
  const text = renderMarkdown(many, judge(many, limits))
  expect(text.length).toBeLessThanOrEqual(65_536)
  expect(text).toMatch(/^### Rehearsal of the migrations: careful\n/)
  expect(text).toMatch(/too long for a comment/)
})
