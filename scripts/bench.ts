import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeMigrations } from '../src/compile/bundle.ts'
import { ratio, run, time } from './bench/measure.ts'
import { type Server, withPostgres } from './postgres.ts'

/** `npm run bench`: what a start and an apply cost, as ratios to a floor measured in the same run, on a durable server. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const node = process.execPath
const work = mkdtempSync(join(tmpdir(), 'upfront-bench-'))
const entrypoint = join(root, 'dist/entrypoint.js')

try {
  run([node, join(root, 'scripts/build.ts')])
  await withPostgres({ durable: true, auth: 'trust' }, async (server) => {
    await noOp(server)
    await applyThousand(server)
  })
  imageSize()
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function noOp(server: Server): Promise<void> {
  const migrations = await makeMigrations('fifty', 50)
  const env = { UPFRONT_DATABASE_URL: server.url, UPFRONT_MIGRATIONS_DIR: migrations }
  run([node, entrypoint], env)
  const floor = () => time([node, '-e', '0'])
  const compiled = ratio(() => time([node, entrypoint], env), floor, 40)
  report('no-op start of a bundle of 50', compiled, 'node -e 0', 2.0)
  const mounted = ratio(
    () => time([node, entrypoint], { ...env, UPFRONT_MIGRATIONS_DIR: join(work, 'fifty') }),
    floor,
    10,
  )
  report('no-op start of a mounted folder of 50', mounted, 'node -e 0')
  const hook = join(work, 'peak.cjs')
  writeFileSync(hook, `process.on('exit', () => process.stdout.write(String(process.resourceUsage().maxRSS)))`)
  const peakMb = (args: string[]) => Number(run([node, '-r', hook, ...args], env)) / 1000
  const peak = peakMb([entrypoint])
  console.log(
    `no-op memory: ${peak.toFixed(0)} MB at its peak (node -e 0: ${peakMb(['-e', '0']).toFixed(0)}); target 70${peak > 70 ? ', MISSED' : ''}`,
  )
}

async function applyThousand(server: Server): Promise<void> {
  const migrations = await makeMigrations('thousand', 1_000)
  if (spawnSync('psql', ['--version']).error) return console.log('apply 1,000: no psql on the PATH to compare with')
  const files = Array.from({ length: 1_000 }, (_, i) => ['-f', join(work, 'thousand', `${fileName(i)}.sql`)]).flat()
  let database = 0
  const fresh = () => {
    database += 1
    run(['psql', '-q', server.url, '-c', `create database bench_${database}`])
    return server.url.replace(/\/[^/]*$/, `/bench_${database}`)
  }
  const ours = () => {
    const url = fresh()
    return time([node, entrypoint], { UPFRONT_DATABASE_URL: url, UPFRONT_MIGRATIONS_DIR: migrations })
  }
  const floor = () => {
    const url = fresh()
    return time(['psql', '-q', '-1', '-v', 'ON_ERROR_STOP=1', url, ...files])
  }
  report('apply 1,000 small migrations', ratio(ours, floor, 5), 'psql -1')
}

/** A folder of small migrations and, beside it, its bundle; returns the bundle's path. */
async function makeMigrations(name: string, count: number): Promise<string> {
  const dir = join(work, name)
  mkdirSync(dir)
  for (let i = 0; i < count; i += 1) {
    const sql = `create table t${i} (id bigint primary key, name text not null);\ncreate index t${i}_name on t${i} (name);\n`
    writeFileSync(join(dir, `${fileName(i)}.sql`), sql)
  }
  await writeMigrations(dir, `${dir}-bundle`)
  return `${dir}-bundle`
}

function fileName(i: number): string {
  return `${String(i + 1).padStart(5, '0')}_t${i}`
}

function report(
  what: string,
  value: { median: number; min: number; max: number },
  floor: string,
  target?: number,
): void {
  const range = `${value.min.toFixed(2)} to ${value.max.toFixed(2)}`
  const goal = target === undefined ? '' : `; target ${target.toFixed(2)}${value.median > target ? ', MISSED' : ''}`
  console.log(`${what}: ${value.median.toFixed(2)}x of ${floor} (${range})${goal}`)
}

function imageSize(): void {
  const image = spawnSync('docker', ['image', 'inspect', '--format', '{{.Size}}', 'upfront'], { encoding: 'utf8' })
  if (image.status !== 0) return console.log('image size: no image named upfront (docker build -t upfront .)')
  const stripped = join(work, 'node')
  const strip = spawnSync('strip', [node, '-o', stripped])
  const nodeMb = statSync(strip.status === 0 ? stripped : node).size / 1e6
  const over = Number(image.stdout) / 1e6 - nodeMb
  console.log(
    `image size: the stripped node (${nodeMb.toFixed(0)} MB) plus ${over.toFixed(0)} MB; target 30${over > 30 ? ', MISSED' : ''}`,
  )
}
