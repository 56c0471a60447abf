import { expect, test } from 'vitest'
import { refuseStrayMark } from '../../../src/checks/stray-contract-mark.ts'

test.each([
  '// upfront:contract',
  '// -- upfront:contract',
  '/// Upfront: contract.',
  '/* upfront:contract */',
  '/** -- upfront:contract */',
  '/**\n * upfront:contract\n */',
  'await query(`\n  -- upfront:contract\n  drop table a`)',
])('%j in a module is refused', (text) => {
  expect(refuseStrayMark('0001_a.ts', `${text}\nexport const up = () => {}`)?.rule).toBe('directive')
  expect(refuseStrayMark('contract/0001_a.ts', text)).toBe(null)
})

test.each(['// as upfront:contract is for SQL', '// upfront:contract has to wait for 0003', 'const upfront = {}'])(
  '%j is fine',
  (text) => {
    expect(refuseStrayMark('0001_a.ts', text)).toBe(null)
  },
)
