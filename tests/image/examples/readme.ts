// What a README of the examples tells people to type.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { root } from '../lab.ts'

/** The commands in its ```sh blocks, one text a block. */
export function blocksOf(readme: string): string[] {
  const text = fs.readFileSync(join(root, readme), 'utf8')
  return [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block!)
}
