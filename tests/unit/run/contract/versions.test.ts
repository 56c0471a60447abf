import { describe, expect, test } from 'vitest'
import { compareVersions } from '../../../../src/run/contract/versions.ts'

const ascending = [
  ['1.4.1', '1.4.2'],
  ['1.9.0', '1.10.0'],
  ['1.4', '1.4.1'],
  ['v1.4.1', '1.4.2'],
  ['1.4.2-rc.2', '1.4.2'],
  ['1.4.2-rc.2', '1.4.2-rc.10'],
  ['1.4.2-alpha', '1.4.2-beta'],
  ['1.4.2-1', '1.4.2-alpha'],
  ['1.4.2-rc', '1.4.2-rc.1'],
  ['1.4.2', '2.0.0-rc.1'],
  ['2024.12.1', '2025.1.1'],
  ['41', '42'],
  ['1.4.1-9-g1a2b3c4', '1.4.2-5-g1a2b3c4'],
  ['1.99999999999999999998', '1.99999999999999999999'],
] as const

describe('versions', () => {
  test.each(ascending)('%s is older than %s, and not the other way round', (a, b) => {
    expect(compareVersions(a, b)).toBe('older')
    expect(compareVersions(b, a)).toBe('newer')
  })

  test.each([
    ['1.4.2', '1.4.2'],
    ['v1.4.2', '1.4.2'],
    ['1.4', '1.4.0'],
    ['main-4f2a9c1', 'main-4f2a9c1'],
    ['1.4.2+build.7', '1.4.2+build.7'],
    ['', ''],
  ])('%s is %s', (a, b) => expect(compareVersions(a, b)).toBe('equal'))

  test.each([
    ['4f2a9c1', '1.4.2'],
    // What git describe says: commits behind the tag, and not before it.
    ['1.4.2', '1.4.2-5-g1a2b3c4'],
    ['v1.4.2-5-g1a2b3c4-dirty', 'v1.4.2'],
    ['1.4.2-rc.1', '1.4.2-rc.1-5-g1a2b3c4'],
    ['1.4.2-5-g1a2b3c4', '1.4.2-7-g88e0d12'],
    ['1.4.2-dirty', '1.4.2'],
    ['4f2a9c1', '88e0d12'],
    // Hashes that happen to have digits alone.
    ['4512907', '8810012'],
    ['1.4.2+build.7', '1.4.2+build.8'],
    ['1.4.2 worker', '1.4.2'],
    ['1..4', '1.4'],
    ['1.4.x', '1.4.2'],
    ['latest', '1.4.2'],
    ['', '1.4.2'],
    ['-rc.1', '1.4.2'],
  ])('%s cannot be compared with %s, in either direction', (a, b) => {
    expect(compareVersions(a, b)).toBe('not comparable')
    expect(compareVersions(b, a)).toBe('not comparable')
  })
})
