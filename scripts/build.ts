import { chmodSync, copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { writeMigrations, writeSeeds } from '../src/compile/bundle.ts'

/** Makes dist/: one entrypoint.js with its lazy chunks, and the compiled migrations and seeds of this repository. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
const only = process.argv[2]

rmSync(dist, { recursive: true, force: true })
await bundleProgram()
if (only !== '--program') {
  const { count } = await writeMigrations(join(root, 'migrations'), join(dist, 'migrations'))
  await writeSeeds(join(root, 'seeds'), join(dist, 'seeds'))
  console.log(`dist/migrations  ${count} migrations compiled`)
}

async function bundleProgram(): Promise<void> {
  const bundle = await rolldown({
    cwd: root,
    input: 'entrypoint.ts',
    platform: 'node',
    // The lazy chunks may take what they share with the start from the entrypoint itself.
    preserveEntrySignatures: 'allow-extension',
    external: ['pg-native', 'cloudflare:sockets'],
    resolve: {
      // Umzug loads a command-line parser at import, which it needs only for a CLI we do not have.
      alias: { '@rushstack/ts-command-line': join(root, 'scripts/build/no-command-line.ts') },
    },
  })
  const { output } = await bundle.write({
    dir: dist,
    // Importing node:fs or node:crypto as a module loads all they have; requiring them does not.
    format: 'cjs',
    minify: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    // All that a start with nothing to do needs in one file, because each further one costs it time.
    codeSplitting: { groups: [{ name: 'start', test: /(entrypoint\.ts|rolldown.runtime.*)$/ }] },
  })
  const wasm = fileURLToPath(import.meta.resolve('libpg-query')).replace(/[^/]+$/, 'libpg-query.wasm')
  copyFileSync(wasm, join(dist, 'chunks/libpg-query.wasm'))
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n')
  chmodSync(join(dist, 'entrypoint.js'), 0o755)
  const bytes = output.reduce((sum, file) => sum + ('code' in file ? file.code.length : 0), 0)
  console.log(
    `dist/entrypoint.js and ${readdirSync(join(dist, 'chunks')).length} files in chunks/, ${Math.round(bytes / 1024)} KiB of code`,
  )
}
