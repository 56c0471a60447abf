import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type InputOption, type OutputOptions, rolldown } from 'rolldown'
import { writeCodeCaches } from './build/code-cache.ts'
import { leanPg } from './build/lean-pg.ts'
import { ownImport, withOwnImport } from './build/own-import.ts'

/** Makes dist/: the program in start.js and its lazy chunks, entrypoint.js that loads them, and the compiled migrations and seeds of this repository. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
/** Nothing named means all of it; an image is made of parts that change at different times. */
const parts = { '--program': bundleProgram, '--api': bundleApi, '--migrations': compileSample }
const named = process.argv.slice(2)

if (named.length === 0) rmSync(dist, { recursive: true, force: true })
for (const [name, make] of Object.entries(parts)) if (named.length === 0 || named.includes(name)) await make()

/** As everybody compiles theirs; a mistake in a file ends the build in the words of a start. */
async function compileSample(): Promise<void> {
  const { PATH = '' } = process.env
  const compile = [join(root, 'entrypoint.ts'), 'compile', '--schema', '--out', dist]
  const { status } = spawnSync(process.execPath, compile, { cwd: root, env: { PATH }, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

async function bundleProgram(): Promise<void> {
  for (const old of ['chunks', 'start.js', 'start.js.cache']) rmSync(join(dist, old), { recursive: true, force: true })
  const files = await bundle({ start: 'entrypoint.ts' }, dist, {
    // Importing node:fs or node:crypto as a module loads all they have; requiring them does not.
    format: 'cjs',
    // All that a start with nothing to do needs in one file, because each further one costs it time.
    codeSplitting: { groups: [{ name: 'start', test: /(entrypoint\.ts|rolldown.runtime.*)$/ }] },
  })
  const paths = files.map(({ name }) => join(dist, name))
  for (const path of paths) writeFileSync(path, asFunction(readFileSync(path, 'utf8')))
  writeCodeCaches(paths)
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n')
  copyFileSync(join(root, 'scripts/build/loader.cjs'), join(dist, 'entrypoint.js'))
  chmodSync(join(dist, 'entrypoint.js'), 0o755)
  console.log(`dist/entrypoint.js  ${files.length} files, ${kib(files)} KiB of code`)
}

/** What the loader calls: it compiles the very text that the code cache was made of. */
function asFunction(code: string): string {
  return `(function (exports, require, module, __filename, __dirname, performance, ${ownImport}) {${code.replace(/^#!.*/, '')}\n})\n`
}

/** What `import ... from 'upfront'` gets: no signal handlers, no process of its own. */
async function bundleApi(): Promise<void> {
  const entries = { index: 'src/index.ts', vitest: 'src/api/vitest.ts' }
  const files = await bundle(entries, join(dist, 'api'), { format: 'esm' })
  writeFileSync(join(dist, 'api/package.json'), '{ "type": "module" }\n')
  const types = join(dist, 'api/types')
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'scripts/build'), '--outDir', types]
  execFileSync(process.execPath, tsc)
  const kept = new Map<string, string>()
  for (const entry of Object.values(entries)) keepTypes(join(types, entry), kept)
  rmSync(types, { recursive: true })
  for (const [path, text] of kept) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  console.log(`dist/api/index.js    ${kib(files)} KiB of code`)
}

/** The declarations of a source file and of all that they name. */
function keepTypes(source: string, kept: Map<string, string>): void {
  const path = source.replace(/\.[jt]s$/, '.d.ts')
  if (kept.has(path)) return
  const text = readFileSync(path, 'utf8')
  kept.set(path, text)
  for (const [, specifier] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g))
    keepTypes(join(dirname(path), specifier!), kept)
}

interface Output {
  readonly name: string
  readonly code: string
}

async function bundle(input: InputOption, dir: string, options: OutputOptions): Promise<readonly Output[]> {
  const build = await rolldown({
    cwd: root,
    input,
    platform: 'node',
    // None is needed to strip types, and in the image's build there is none to be found.
    tsconfig: false,
    // The lazy chunks may take what they share with the start from the entrypoint itself.
    preserveEntrySignatures: 'allow-extension',
    external: ['pg-native', 'cloudflare:sockets', 'vitest'],
    plugins: options.format === 'cjs' ? [leanPg(), withOwnImport()] : [leanPg()],
    // Left to a warning, a package that is not installed would be missed in the image first.
    onLog: (level, log, handle) => handle(log.code === 'UNRESOLVED_IMPORT' ? 'error' : level, log),
    resolve: {
      // Umzug loads a command-line parser at import, which it needs only for a CLI we do not have.
      alias: { '@rushstack/ts-command-line': join(root, 'scripts/build/no-command-line.ts') },
    },
    // What emscripten looks for its .wasm beside; in an ES module there are no such names.
    ...(options.format === 'esm'
      ? { transform: { define: { __filename: 'import.meta.filename', __dirname: 'import.meta.dirname' } } }
      : {}),
  })
  const { output } = await build.write({
    dir,
    minify: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    ...options,
  })
  const wasm = fileURLToPath(import.meta.resolve('libpg-query')).replace(/[^/]+$/, 'libpg-query.wasm')
  copyFileSync(wasm, join(dir, 'chunks/libpg-query.wasm'))
  return output.flatMap((file) => ('code' in file ? [{ name: file.fileName, code: file.code }] : []))
}

function kib(files: readonly Output[]): number {
  return Math.round(files.reduce((sum, { code }) => sum + code.length, 0) / 1024)
}
