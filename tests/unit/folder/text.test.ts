import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checksum, checksumOfFile, decodeText, digest } from '../../../src/folder/text.ts'

test.each([
  ['plain text', 'select 1', 'select 1'],
  ['a byte order mark', '\ufeffselect 1', 'select 1'],
  ['one mark of two', '\ufeff\ufeffselect 1', '\ufeffselect 1'],
  ['CRLF', 'a\r\nb\r\n', 'a\nb\n'],
  ['a lone carriage return, which may be inside a string', 'a\rb\r\r\nc', 'a\rb\r\nc'],
  ['white space at the end', 'a  \n\n ', 'a  \n\n '],
  ['every plane of Unicode', 'é 表 🎉', 'é 表 🎉'],
  ['a replacement character that is meant', '\ufffd', '\ufffd'],
  ['nothing', '', ''],
])('%s is decoded', (_, text, decoded) => {
  expect(decodeText(Buffer.from(text))).toEqual({ text: decoded })
})

test.each([
  ['UTF-16, little end first', Buffer.from('\ufeffa', 'utf16le'), 'UTF-16', 0],
  ['UTF-16, big end first', Buffer.from('\ufeffa', 'utf16le').swap16(), 'UTF-16', 0],
  ['UTF-16 without a mark', Buffer.from('ab', 'utf16le'), 'NUL', 1],
  ['a NUL', Buffer.from('abc\0'), 'NUL', 3],
  ['Latin-1', Buffer.from('caf\xe9 au lait', 'latin1'), 'not UTF-8', 3],
  ['Latin-1 after real UTF-8', Buffer.concat([Buffer.from('é�🎉'), Buffer.from([0xe9, 0x20])]), 'not UTF-8', 9],
  ['a cut character', Buffer.from('é').subarray(0, 1), 'not UTF-8', 0],
  ['an overlong slash', Buffer.from([0x61, 0xc0, 0xaf]), 'not UTF-8', 1],
  ['a surrogate', Buffer.from([0xed, 0xa0, 0x80]), 'not UTF-8', 0],
])('%s is refused, at its offset', (_, bytes, problem, offset) => {
  expect(decodeText(bytes)).toEqual({ problem: expect.stringContaining(problem), offset })
})

test('a checksum is that of the text, with the algorithm in its name', () => {
  expect(checksum('select 1')).toBe(`v1:sha256:${createHash('sha256').update('select 1').digest('hex')}`)
  expect(checksum('')).toBe('v1:sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(checksum('é')).toBe('v1:sha256:4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c')
})

test('a file that is read chunk by chunk has the checksum of its text, wherever a chunk ends', () => {
  const chunk = 1 << 16
  const dir = mkdtempSync(join(tmpdir(), 'upfront-text-'))
  const path = join(dir, 'large.csv')
  const ends = ['', '\r', '\r\n', '\r\r\n', '\n', '\r\r', 'é', '\ufeff']
  try {
    for (const start of ['', '\ufeff', '\r\n'])
      for (const end of ends)
        for (let short = 0; short <= end.length + start.length + 3; short += 1)
          for (const rest of ['', '\n', '\r\nx\r', 'é']) {
            const bytes = Buffer.from(`${start}${'x'.repeat(chunk - short)}${end}${rest}`)
            writeFileSync(path, bytes)
            const { text } = decodeText(bytes) as { text: string }
            expect(checksumOfFile(path), JSON.stringify({ start, short, end, rest })).toBe(checksum(text))
          }
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('a digest depends on every name, every checksum and the order', () => {
  const a = { name: 'a', checksum: '1' }
  const b = { name: 'b', checksum: '2' }
  const digests = [[], [a], [b], [a, b], [b, a], [{ name: 'a', checksum: '2' }, b], [{ name: 'aa', checksum: '1' }, b]]
  expect(new Set(digests.map(digest)).size).toBe(digests.length)
  expect(digest([a, b])).toBe(digest([{ ...a }, { ...b }]))
  expect(digest([a, b])).toBe(`v1:sha256:${createHash('sha256').update('a\n1\nb\n2\n').digest('hex')}`)
})
