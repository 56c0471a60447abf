import { expect, test } from 'vitest'
import { nextVersion } from '../../../src/commands/new.ts'

const now = new Date('2026-03-04T05:06:07.089Z')

test.each([
  [[], '0001'],
  [['README.md', '.gitkeep', 'helpers.ts', 'users.sql'], '0001'],
  [['0001_a.sql'], '0002'],
  [['1_a.sql', '2_b.sql'], '3'],
  [['9_a.sql'], '10'],
  [['099_a.sql'], '100'],
  [['999_a.sql'], '1000'],
  [['9_a.sql', '10_b.sql'], '11'],
  [['0001_a.up.sql', '0001_a.down.sql'], '0002'],
  [['0001_a.ts', '0002_b.js'], '0003'],
  [['20251231235959_a.sql'], '20260304050607'],
  [['20260304050607_a.sql'], '20260304050608'],
  [['29990101000000_a.sql'], '29990101000001'],
  [['20251231235959123_a.sql'], '20260304050607089'],
  [['0001_a.sql', '20251231235959_b.sql'], '20260304050607'],
])('%j is followed by %s', (files, version) => {
  expect(nextVersion(files, now)).toBe(version)
})

test.each([
  ['seconds since 1970, as some tools number', ['1735689600_a.sql'], '1735689601'],
  ['a date without a time', ['20251231_a.sql'], '20251232'],
])('%s: the next number', (_, files, version) => {
  expect(nextVersion(files, now)).toBe(version)
})

test('the new one is the last, whatever is there', () => {
  const files = ['12_a.sql']
  for (let i = 0; i < 50; i += 1) files.push(`${nextVersion(files, now)}_x.sql`)
  const versions = files.map((file) => Number.parseInt(file, 10))
  expect(versions).toEqual(versions.toSorted((a, b) => a - b))
  expect(new Set(versions).size).toBe(versions.length)
})
