import type { Problem } from '../../errors.ts'
import { finding } from '../finding.ts'

/** Two names that are one, because Unicode has two ways to write them: as one character (NFC), or with marks (NFD). */
export function refuseSpellings(name: string, files: readonly string[]): Problem {
  const what = `${files.join(' and ')} differ only in how Unicode spells them (NFC and NFD), so both are ${name}`
  return { ...finding('file-name', what, undefined, 'Remove one of them, or give it another name.'), name }
}
