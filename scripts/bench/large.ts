import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './measure.ts'

/** Makes a folder with one migration of about this many megabytes of INSERTs; returns its file. */
export function makeLarge(dir: string, megabytes: number): string {
  mkdirSync(dir, { recursive: true })
  const path = join(dir, '0001_large.sql')
  const file = openSync(path, 'w')
  writeSync(file, 'create table large (id bigint, name text, note text);\n')
  const text = 'x'.repeat(120)
  for (let written = 0, id = 0; written < megabytes * 1e6;) {
    let chunk = ''
    for (let i = 0; i < 500; i += 1, id += 1) chunk += `insert into large values (${id}, 'name ${id}', '${text}');\n`
    written += writeSync(file, chunk)
  }
  closeSync(file)
  return path
}

/** The peak memory of a run of Node, in megabytes. */
export function peakMb(
  node: string,
  hook: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): number {
  const answer = run([node, '-r', hook, ...args], env)
  return Number(answer.trim().split('\n').at(-1)) / 1000
}
