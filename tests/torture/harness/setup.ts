// One server, the built program and the compiled scenario, for all tests of this folder.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { writeMigrations, writeSeeds } from '../../../src/compile/bundle.ts'
import startCluster from '../../support/cluster.ts'
import { buildProgram } from '../../support/program.ts'
import { migrations, seeds } from './scenario.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The file that `node` runs. */
    program: string
    /** The scenario, compiled: what runs from here needs no parser. */
    scenario: { readonly migrations: string; readonly seeds: string }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'upfront-torture-'))
  const scenario = { migrations: join(dir, 'bundle/migrations'), seeds: join(dir, 'bundle/seeds') }
  for (const [folder, files] of Object.entries({ migrations, seeds })) {
    mkdirSync(join(dir, 'source', folder), { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, 'source', folder, name), text)
  }
  await writeMigrations(join(dir, 'source/migrations'), scenario.migrations)
  await writeSeeds(join(dir, 'source/seeds'), scenario.seeds)
  project.provide('scenario', scenario)
  const built = await buildProgram('--program')
  project.provide('program', join(built.dir, 'dist/entrypoint.js'))
  const stop = await startCluster(project)
  return async () => {
    await stop()
    built.remove()
    rmSync(dir, { recursive: true, force: true })
  }
}
