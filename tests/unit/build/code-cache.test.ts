// What V8 makes of the program is a part of the image: it has to be of use there, and the same in each build.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { writeCodeCaches } from '../../../scripts/build/code-cache.ts'

const look = `
  const { Script } = require('node:vm'), { readFileSync } = require('node:fs')
  const [, file] = process.argv
  const { cachedDataRejected } = new Script(readFileSync(file, 'utf8'), {
    filename: file, cachedData: readFileSync(file + '.cache'),
  })
  console.log(cachedDataRejected ? 'refused' : 'taken')`

test('a build makes the same code cache as the one before, and Node takes it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'upfront-cache-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'program.js')
  const many = Array.from({ length: 200 }, (_, i) => `name${i}: (given${i}) => ({ other${i}: given${i}.field${i} })`)
  writeFileSync(file, `(function (exports) { return { ${many.join(', ')} } })`)
  const [one, other] = [1, 2].map(() => {
    writeCodeCaches([file])
    return readFileSync(`${file}.cache`)
  })
  expect(one!.length).toBeGreaterThan(10_000)
  expect(one!.equals(other!)).toBe(true)
  expect(execFileSync(process.execPath, ['-e', look, file], { encoding: 'utf8' })).toBe('taken\n')
})
