import { expect, test } from 'vitest'
import { dockerfileFor } from '../../../../src/run/examine/dockerfile.ts'
import type { ExaminedFolder } from '../../../../src/run/examine/folder.ts'

const plain: ExaminedFolder = {
  shown: 'migrations',
  isThere: true,
  isCompiled: false,
  whose: { format: 'plain', by: 'without a mark of another tool' },
  marks: [],
  migrations: 2,
  repeatable: 0,
  seeds: null,
  findings: [],
  elsewhere: [],
  bundle: null,
  seedBundle: null,
  failures: [],
}
const seeds = { shown: 'seeds', isCompiled: false, count: 1, environments: [] }

test('a folder of ours is compiled in a stage of its own', () => {
  expect(dockerfileFor({ ...plain, seeds })).toBe(`FROM upfront AS compiled
USER 0
COPY migrations /migrations
COPY seeds /seeds
RUN ["upfront", "compile", "--out", "/bundle"]

FROM upfront
COPY --from=compiled /bundle/ /`)
})

test('a folder of another tool is named as one, because its copy may lack the mark', () => {
  const text = dockerfileFor({ ...plain, shown: 'prisma/migrations', whose: { format: 'prisma', by: '' } })
  expect(text).toContain('COPY prisma/migrations /migrations\nENV UPFRONT_FORMAT=prisma\nRUN ')
})

test('a bundle is copied as it is', () => {
  expect(dockerfileFor({ ...plain, isCompiled: true })).toBe('FROM upfront\nCOPY migrations /migrations')
})

test('a path with a space is written as Docker wants it, and one at the root as the build context has it', () => {
  expect(dockerfileFor({ ...plain, shown: 'my files' })).toContain('COPY ["my files","/migrations"]\n')
  expect(dockerfileFor({ ...plain, shown: '/migrations' })).toContain('COPY migrations /migrations\n')
})

test('where nobody can tell whose it is, or there is nothing, there is none', () => {
  expect(dockerfileFor({ ...plain, whose: null })).toBeNull()
  expect(dockerfileFor({ ...plain, migrations: null })).toBeNull()
})
