import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { splitDown } from '../../../src/folder/down.ts'
import { EncodingError, openSource } from '../../../src/folder/text-stream.ts'
import { checksum, decodeText } from '../../../src/folder/text.ts'

let dir: string
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'upfront-test-'))
})
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

function read(bytes: Buffer, untilDown = true) {
  const path = join(dir, 'f.sql')
  fs.writeFileSync(path, bytes)
  const stream = openSource(path, untilDown)
  try {
    const chunks: Buffer[] = []
    for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) chunks.push(Buffer.from(chunk))
    const text = Buffer.concat(chunks).toString('utf8')
    return { text, checksum: stream.checksum(), size: stream.size(), section: stream.section() }
  } finally {
    stream.close()
  }
}

const step = 64 << 10

/** Something right at, before and behind the border of two steps. */
const around = (what: string) => [-4, -3, -2, -1, 0, 1].map((by) => 'x'.repeat(step + by) + what)

describe('a file that is read in steps has the text of one that is read whole', () => {
  test.each([
    '',
    'select 1',
    '\ufeffselect 1;\r\nselect 2;\r\n',
    '\ufeff',
    '\r',
    'a\r\r\n\rb\n',
    ...around('\r\nb'),
    ...around('🎉b'),
    ...around('é\r\n'),
    ...around('\r'),
    ...around('\n-- upfront:down\ndown'),
    ...around('\n-- upfront:downs\nup'),
    ...around('\n--\nup'),
    ...around('\n-\n-- upfront:down'),
    'x\n'.repeat(step) + '-- upfront:down\n' + 'y\n'.repeat(step),
    '-- upfront:down\nselect 1',
    'x -- upfront:down\nx',
    ' -- upfront:down\nx',
    `--${' '.repeat(200)}upfront:down  \nx`,
  ])('%#', (text) => {
    const bytes = Buffer.from(text)
    const decoded = decodeText(bytes)
    const { up, section } = splitDown('text' in decoded ? decoded.text : '')
    const found = read(bytes)
    expect(found.text === up).toBe(true)
    expect(found).toMatchObject({ checksum: checksum(up), size: Buffer.byteLength(up) })
    expect(found.section === section).toBe(true)
  })
})

test('a seed has no down', () => {
  expect(read(Buffer.from('a\n-- upfront:down\nb'), false)).toMatchObject({
    text: 'a\n-- upfront:down\nb',
    section: null,
  })
})

const line = 'é🎉 select 1;\r\n'
const lines = Math.ceil((step * 1.5) / Buffer.byteLength(line))

test.each([
  ['UTF-16', Buffer.from('\ufeffa', 'utf16le'), 'UTF-16', 1, 1],
  ['a NUL far behind', Buffer.from(`${line.repeat(lines)}ab\0`), 'NUL', lines + 1, 3],
  [
    'Latin-1 far behind',
    Buffer.concat([Buffer.from(`${line.repeat(lines)}é `), Buffer.from([0xe9, 0x20])]),
    'not UTF-8',
    lines + 1,
    3,
  ],
  ['half a character at the end', Buffer.concat([Buffer.from('a\nb'), Buffer.from([0xf0, 0x9f])]), 'not UTF-8', 2, 2],
  [
    'half a character at the border',
    Buffer.concat([Buffer.alloc(step - 1, 'x'), Buffer.from([0xc3]), Buffer.from('x')]),
    'not UTF-8',
    1,
    step,
  ],
])('%s is refused with its place', (_, bytes, what, at, column) => {
  const path = join(dir, 'f.sql')
  fs.writeFileSync(path, bytes)
  const stream = openSource(path, true)
  const error = (() => {
    try {
      while (stream.read() !== null);
    } catch (thrown) {
      return thrown as EncodingError
    } finally {
      stream.close()
    }
    return null
  })()
  expect(error).toBeInstanceOf(EncodingError)
  expect(error!.message).toContain(what)
  expect(error!.place).toEqual({ line: at, column })
})
