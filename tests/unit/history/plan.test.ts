import { expect, test } from 'vitest'
import { Failure } from '../../../src/errors.ts'
import { type MismatchPolicy, type Plan, listIgnored, makePlan, refuseMismatch } from '../../../src/history/plan.ts'
import type { HistoryRow } from '../../../src/history/rows.ts'

/** `a b=2` are two files, the second with the content 2; the content is the name where it is not said. */
function files(text: string) {
  return text
    .split(' ')
    .filter(Boolean)
    .map((word) => {
      const [name, checksum = name] = word.split('=')
      return { name: name!, checksum: checksum! }
    })
}

function plan(sources: string, recorded: string) {
  return makePlan(files(sources), rowsOf(recorded))
}

function rowsOf(recorded: string): HistoryRow[] {
  return files(recorded).map((file) => ({ ...file, kind: 'migration', state: 'applied' }) as unknown as HistoryRow)
}

/** What is not empty of a plan, in words. */
function summary(sources: string, recorded: string) {
  const { pending, applied, renamed, ...rest } = plan(sources, recorded)
  const lists = {
    pending: pending.map(({ name }) => name),
    applied: applied.map(({ name }) => name),
    ...rest,
    renamed: renamed.map(({ from, to }) => `${from}>${to}`),
  }
  return Object.entries(lists)
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => `${name}: ${list.join(' ')}`)
    .join('; ')
}

test.each([
  ['nothing anywhere', '', '', ''],
  ['an empty database', 'a b', '', 'pending: a b'],
  ['all applied', 'a b', 'a b', 'applied: a b'],
  ['the rest is pending', 'a b c', 'a', 'pending: b c; applied: a'],
  ['applied in another order', 'a b', 'b a', 'applied: a b'],
  ['changed', 'a=2 b', 'a b', 'applied: a b; changed: a'],
  ['changed and pending', 'a=2 b', 'a', 'pending: b; applied: a; changed: a'],
  ['out of order', 'a b c', 'a c', 'pending: b; applied: a c; outOfOrder: b'],
  ['the first is out of order', 'a b', 'b', 'pending: a; applied: b; outOfOrder: a'],
  ['out of order and pending after', 'a b c d', 'a c', 'pending: b d; applied: a c; outOfOrder: b'],
  ['ahead by one', 'a', 'a b', 'applied: a; ahead: b'],
  ['ahead by two, whatever they are called', 'b', 'b a 0', 'applied: b; ahead: a 0'],
  ['ahead, and an earlier one changed', 'a=2', 'a b', 'applied: a; ahead: b; changed: a'],
  ['missing in the middle', 'a c', 'a b c', 'applied: a c; missing: b'],
  ['missing at the beginning', 'b', 'a b', 'applied: b; missing: a'],
  ['missing in the middle, and ahead', 'a c', 'a b c d', 'applied: a c; ahead: d; missing: b'],
  ['not ahead while something is pending', 'a c', 'a b', 'pending: c; applied: a; missing: b'],
  ['nothing of it is ours, and something is pending', 'x', 'a b', 'pending: x; missing: a b'],
  ['renamed', 'a x=b', 'a b', 'pending: x; applied: a; missing: b; renamed: b>x'],
  ['renamed to come earlier', 'a x=c d', 'a c d', 'pending: x; applied: a d; missing: c; outOfOrder: x; renamed: c>x'],
  ['the same content is no renaming while both are there', 'a b=a', 'a', 'pending: b; applied: a'],
])('%s: files "%s", history "%s"', (_, sources, recorded, expected) => {
  expect(summary(sources, recorded)).toBe(expected)
})

test('two that are missing are not both renamed to the one that is pending', () => {
  const { renamed } = plan('a x=1', 'a b=1 c=1')
  expect(renamed).toHaveLength(1)
})

test('a migration that never finished is not applied', () => {
  const rows = [{ name: 'a', checksum: 'a', kind: 'migration', state: 'running' } as unknown as HistoryRow]
  expect(makePlan(files('a b'), rows).applied).toEqual([])
})

function refusal(sources: string, recorded: string, policy: Partial<MismatchPolicy> = {}) {
  return refusalOf(plan(sources, recorded), policy)
}

function refusalOf(plan: Plan, policy: Partial<MismatchPolicy> = {}) {
  try {
    refuseMismatch(plan, { outOfOrder: 'error', missing: 'error', ...policy })
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, ...error.facts }
    throw error
  }
  return null
}

test.each([
  ['', ''],
  ['a b', 'a'],
  ['a', 'a b'],
  ['b', 'b a'],
])('files "%s" and history "%s" agree', (sources, recorded) => {
  expect(refusal(sources, recorded)).toBeNull()
})

test.each([
  ['a=2', 'a', ['a: the file was changed after it was applied'], 'put the change into a new migration'],
  ['a=2', 'a', ['a: the file was changed after it was applied'], 'upfront repair --accept a --reason "..."'],
  ['a c', 'a b c', ['b: applied, but this bundle has no such file'], 'UPFRONT_MISSING=ignore'],
  ['a c', 'a b c', ['b: applied, but this bundle has no such file'], 'upfront repair --forget b --reason "..."'],
  [
    'a x=b',
    'a b',
    ['b: applied, but the file is gone; x has the same content (renamed?)'],
    'repair --forget b --reason',
  ],
  ['a x=b', 'a b', ['b: applied, but the file is gone; x has the same content (renamed?)'], 'repair --done x --reason'],
  ['a c', 'a b c', ['b: applied, but this bundle has no such file'], 'Restore the missing files'],
  ['a x=b', 'a b', ['b: applied, but the file is gone; x has the same content (renamed?)'], 'their old names back'],
  ['a b c', 'a c', ['b: not applied, though a later one is'], 'UPFRONT_OUT_OF_ORDER=apply'],
])('files "%s" and history "%s" are refused, with what to do', (sources, recorded, list, next) => {
  expect(refusal(sources, recorded)).toMatchObject({ code: 'MISMATCH', list, next: expect.stringContaining(next) })
})

test('every finding is listed at once, and every kind has its advice', () => {
  const facts = refusal('a=2 bb=b d e', 'a b c e')!
  expect(facts.list).toEqual([
    'a: the file was changed after it was applied',
    'b: applied, but the file is gone; bb has the same content (renamed?)',
    'c: applied, but this bundle has no such file',
    'd: not applied, though a later one is',
  ])
  for (const text of [
    'Restore the changed files',
    'old names back',
    'Restore the missing files',
    'UPFRONT_OUT_OF_ORDER=apply',
  ]) {
    expect(facts.next).toContain(text)
  }
})

test('out of order that is allowed is no mismatch, everything else is one still', () => {
  expect(refusal('a b c', 'a c', { outOfOrder: 'apply' })).toBeNull()
  expect(refusal('a=2 b c', 'a c', { outOfOrder: 'apply' })).toMatchObject({
    list: ['a: the file was changed after it was applied'],
  })
})

test('missing ones that are ignored are no mismatch, and are listed for whoever has to say so', () => {
  const policy = { outOfOrder: 'error', missing: 'ignore' } as const
  expect(refusal('b d', 'a b c d', policy)).toBeNull()
  expect(listIgnored(plan('b d', 'a b c d'), policy)).toEqual(['a', 'c'])
  expect(refusal('b d e', 'a b c d', policy)).toBeNull()
  expect(listIgnored(plan('b d', 'a b c d'), { ...policy, missing: 'error' })).toEqual([])
})

test('a database is ahead whether or not missing ones are ignored', () => {
  expect(plan('a', 'x a b').ahead).toEqual(['b'])
  expect(listIgnored(plan('a', 'x a b'), { outOfOrder: 'error', missing: 'ignore' })).toEqual(['x'])
})

test.each([
  ['one that was applied late hides nothing that a newer image has applied before', 'a b!', 'a c b', 'c', ''],
  ['though both are late', 'a b! c!', 'a d c b', 'd', ''],
  ['what sorts before it was removed', 'a c!', 'a b c', '', 'b'],
  ['and so was what was applied before one that does not wait', 'a b! d', 'a c b d', '', 'c'],
])('contract migrations: %s', (_, sources, recorded, ahead, missing) => {
  const marked = files(sources.replaceAll('!', '')).map((file) =>
    sources.split(' ').includes(`${file.name}!`) ? { ...file, contract: true as const } : file,
  )
  const made = makePlan(marked, rowsOf(recorded))
  expect([made.ahead.join(' '), made.missing.join(' ')]).toEqual([ahead, missing])
})

test('a renamed one is refused though missing ones are ignored: its new file would run again', () => {
  const ignoring = { missing: 'ignore' } as const
  expect(refusal('a x=b', 'a b', ignoring)).toMatchObject({ code: 'MISMATCH' })
})

test('one that stopped half way is refused though missing ones are ignored', () => {
  const rows = [
    { name: 'half', checksum: '1', kind: 'migration', state: 'running' },
    { name: 'b', checksum: 'b', kind: 'migration', state: 'applied' },
  ] as unknown as HistoryRow[]
  expect(refusalOf(makePlan(files('b'), rows), { missing: 'ignore' })).toMatchObject({
    list: ['half: stopped half way, and this bundle has no such file'],
    next: expect.stringContaining('upfront repair --forget half --reason "..."'),
  })
})

test('of many names the first ten commands are spelled out, and a name is quoted for the shell', () => {
  const names = Array.from({ length: 12 }, (_, n) => `m${n}`)
  const { next } = refusal(names.map((name) => `${name}=2`).join(' '), names.join(' '))!
  expect(next!.split('\n').filter((line) => line.startsWith('upfront repair --accept'))).toHaveLength(10)
  expect(next).toContain('and so on for 2 more')
  const [file] = files('1_it')
  const odd = { ...file!, name: `1_it's here` }
  const rows = [{ ...odd, checksum: 'other', kind: 'migration', state: 'applied' } as unknown as HistoryRow]
  expect(refusalOf(makePlan([odd], rows))!.next).toContain(`--accept '1_it'\\''s here' --reason`)
})

test('ten thousand of each take a moment', () => {
  const names = Array.from({ length: 10_000 }, (_, n) => `m${n}`)
  const begun = performance.now()
  plan(names.join(' '), names.join(' '))
  plan(names.slice(0, 1).join(' '), names.join(' '))
  plan(names.map((name) => `x${name}=${name}`).join(' '), names.slice(0, 2_000).join(' '))
  expect(performance.now() - begun).toBeLessThan(1_500)
})
