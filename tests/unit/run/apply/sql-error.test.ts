import { expect, test } from 'vitest'
import { writeBackOf, writtenFormats } from '../../../../src/history/adopt/write-back/write-backs.ts'
import { describeSqlError } from '../../../../src/run/apply/sql-error.ts'

test.for(writtenFormats)("a migration that needs %s's own table is told of the setting that makes it", (format) => {
  const { table, schema } = writeBackOf(format)!
  const next = (name: string, code = '42P01') =>
    describeSqlError({ code, message: `relation "${name}" does not exist` }).next

  expect(next(table)).toContain('UPFRONT_WRITE_BACK=true')
  expect(next(`${schema ?? 'public'}.${table}`)).toContain('UPFRONT_WRITE_BACK=true')
  expect(next(`my_${table}`)).toContain('Mend the file')
  expect(next(table, '42P07')).toContain('Mend the file')
})
