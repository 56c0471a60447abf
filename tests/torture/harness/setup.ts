// One server, the built program and the compiled scenarios, for all tests of this folder.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { writeMigrations, writeSeeds } from '../../../src/bundle/write.ts'
import startCluster from '../../support/cluster.ts'
import { buildProgram } from '../../support/program.ts'
import { scenarios } from './scenarios/index.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The file that `node` runs. */
    program: string
    /** The scenarios by their names, compiled: what runs from here needs no parser. */
    bundles: Readonly<Record<string, { readonly migrations: string; readonly seeds: string }>>
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'upfront-torture-'))
  const bundles: Record<string, { migrations: string; seeds: string }> = {}
  for (const { name, migrations, seeds } of scenarios) {
    const [source, out] = [join(dir, name, 'source'), join(dir, name, 'bundle')]
    for (const [folder, files] of Object.entries({ migrations, seeds })) {
      mkdirSync(join(source, folder), { recursive: true })
      for (const [file, text] of Object.entries(files)) writeFileSync(join(source, folder, file), text)
    }
    bundles[name] = { migrations: join(out, 'migrations'), seeds: join(out, 'seeds') }
    await writeMigrations(join(source, 'migrations'), bundles[name].migrations)
    await writeSeeds(join(source, 'seeds'), bundles[name].seeds)
  }
  project.provide('bundles', bundles)
  const built = await buildProgram('--program')
  project.provide('program', join(built.dir, 'dist/entrypoint.js'))
  const stop = await startCluster(project)
  return async () => {
    await stop()
    built.remove()
    rmSync(dir, { recursive: true, force: true })
  }
}
