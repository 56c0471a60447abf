import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Env } from './measure.ts'

/** Other tools, as commands that apply a folder of theirs. */
export interface Rivals {
  readonly dbmate: (url: string, dir: string) => readonly string[]
  readonly nodePgMigrate: (dir: string) => readonly string[]
}

/** Installs them from npm for this comparison alone; null where npm cannot fetch them. */
export function installRivals(node: string, work: string): Rivals | null {
  const dir = join(work, 'rivals')
  mkdirSync(dir)
  writeFileSync(join(dir, 'package.json'), '{ "private": true }\n')
  const packages = ['dbmate@2', 'node-pg-migrate@9', 'pg@8']
  const npm = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', ...packages], { cwd: dir })
  if (npm.status !== 0) return null
  const modules = join(dir, 'node_modules')
  // Its own binary, without the JavaScript that npm starts it through.
  const binary = join(modules, `@dbmate/${process.platform}-${process.arch}/bin/dbmate`)
  const cli = join(modules, 'node-pg-migrate/bin/node-pg-migrate.js')
  return {
    dbmate: (url, folder) => [binary, '--no-dump-schema', '--url', `${url}?sslmode=disable`, '-d', folder, 'migrate'],
    nodePgMigrate: (folder) => [node, cli, 'up', '-m', folder, '--verbose', 'false'],
  }
}

/** Copies a folder of plain SQL with the lines around each file that a tool wants there; returns the copy. */
export function withLines(source: string, target: string, before: string, after = ''): string {
  mkdirSync(target)
  for (const file of readdirSync(source))
    writeFileSync(join(target, file), `${before}\n${readFileSync(join(source, file), 'utf8')}${after}`)
  return target
}

/** Starts so many at one instant; resolves with the milliseconds until the last has ended, and how many failed. */
export async function startTogether(
  count: number,
  command: readonly string[],
  env: Env,
): Promise<{ readonly ms: number; readonly failed: number }> {
  const [program = '', ...args] = command
  const begun = performance.now()
  const all = Array.from({ length: count }, async () => {
    const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: 'ignore' })
    const [status] = (await once(child, 'exit')) as [number | null]
    return status
  })
  const failed = (await Promise.all(all)).filter((status) => status !== 0).length
  return { ms: performance.now() - begun, failed }
}
