import { expect, test } from 'vitest'
import { asRecorded } from '../../../src/history/as-recorded.ts'

const [nfc, nfd] = ['1_caf\u00e9', '1_cafe\u0301']

test('a row in NFD is of the file in NFC, and keeps its name', () => {
  expect(asRecorded([{ name: nfc }, { name: '2_b' }], [{ name: nfd }])).toEqual([{ name: nfd }, { name: '2_b' }])
})

test('a row in NFC is what it is, also beside one in NFD', () => {
  const files = [{ name: nfc }]
  expect(asRecorded(files, [{ name: nfc }])).toBe(files)
  expect(asRecorded(files, [{ name: nfd }, { name: nfc }])).toEqual(files)
})

test('what is read when it is asked for is not read for a name', () => {
  const file = {
    name: nfc,
    get down(): string {
      throw new Error('it was read')
    },
  }
  expect(asRecorded([file], [{ name: nfd }])[0]!.name).toBe(nfd)
})
