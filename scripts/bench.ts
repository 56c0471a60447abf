import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeMigrations } from '../src/bundle/write.ts'
import { measureFleet } from './bench/fleet.ts'
import { makeLarge, peakMb, serverPeakMb } from './bench/large.ts'
import { type Env, ratio, ratioOf, run, time } from './bench/measure.ts'
import { report, target } from './bench/report.ts'
import { installRivals, startTogether, withLines } from './bench/rivals.ts'
import { measureTestDatabases } from './bench/test-database.ts'
import { makeWide } from './bench/wide.ts'
import { type Server, withPostgres } from '../src/embedded/postgres.ts'

/** `npm run bench`: what a start and an apply cost, as ratios to a floor measured in the same run, on a durable server. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const node = process.execPath
const work = mkdtempSync(join(tmpdir(), 'upfront-bench-'))
const entrypoint = join(root, 'dist/entrypoint.js')
const hasPsql = spawnSync('psql', ['--version']).error === undefined
const hook = join(work, 'peak.cjs')
writeFileSync(hook, `process.on('exit', () => process.stdout.write('\\n' + process.resourceUsage().maxRSS))`)

try {
  run([node, join(root, 'scripts/build.ts')])
  await withPostgres({ durable: true, auth: 'trust' }, async (server) => {
    await noOp(server)
    await againstRivals(server)
    await applyThousand(server)
    await rehearsal(server)
    await large(server)
    await verifyThousand(server)
  })
  await testDatabases()
  await fleet()
  imageSize()
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function noOp(server: Server): Promise<void> {
  const ofFifty = await recorded(server, 'fifty', 50)
  const floor = () => time([node, '-e', '0'])
  report(
    'no-op start of a bundle of 50',
    ratio(() => time([node, entrypoint], ofFifty.bundle), floor, 40),
    'node -e 0',
    1.7,
  )
  const peak = (env: Env) => peakMb(node, hook, [entrypoint], env)
  const [bundleMb, mountedMb, floorMb] = [
    peak(ofFifty.bundle),
    peak(ofFifty.mounted),
    peakMb(node, hook, ['-e', '0'], {}),
  ]
  console.log(
    `no-op memory: ${bundleMb.toFixed(0)} MB at its peak (node -e 0: ${floorMb.toFixed(0)})${target(bundleMb, 70)}`,
  )
  const more = mountedMb - bundleMb
  console.log(`no-op memory of a mounted folder: ${more.toFixed(1)} MB more than of its bundle${target(more, 4)}`)
  reportMounted(50, ofFifty, 1.15)
  reportMounted(1_000, await recorded(server, 'one_thousand', 1_000), 1.6)
  const ofMany = await recorded(server, 'many', 10_000)
  reportMounted(10_000, ofMany, 4)
  const many = ratio(
    () => time([node, entrypoint], ofMany.bundle),
    () => time([node, entrypoint], ofFifty.bundle),
    20,
  )
  report('no-op start of a bundle of 10,000', many, 'that of 50', 1.2)
}

interface Folder {
  readonly bundle: Env
  readonly mounted: Env
}

/** Migrations that a database has: recorded without running them, because what counts is a start that finds nothing to do. */
async function recorded(server: Server, name: string, count: number): Promise<Folder> {
  const UPFRONT_DATABASE_URL = createDatabase(server, name)
  const bundle = { UPFRONT_DATABASE_URL, UPFRONT_MIGRATIONS_DIR: await makeMigrations(name, count) }
  const mounted = { UPFRONT_DATABASE_URL, UPFRONT_MIGRATIONS_DIR: join(work, name) }
  run([node, entrypoint, 'baseline'], bundle)
  run([node, entrypoint], bundle)
  return { bundle, mounted }
}

function reportMounted(count: number, { bundle, mounted }: Folder, goal: number): void {
  const value = ratio(
    () => time([node, entrypoint], mounted),
    () => time([node, entrypoint], bundle),
    20,
  )
  report(`no-op start of a mounted folder of ${count}`, value, 'its bundle', goal)
}

/** All that is pending on a shadow of the same server, its database made and dropped, against applying the same. */
async function rehearsal(server: Server): Promise<void> {
  const UPFRONT_MIGRATIONS_DIR = await makeMigrations('two-hundred', 200)
  let count = 0
  // Dropping a database is a checkpoint, which would write what the other runs have left.
  const fresh = (): Env => {
    const UPFRONT_DATABASE_URL = createDatabase(server, `rehearsal_${(count += 1)}`)
    run([node, join(root, 'scripts/bench/checkpoint.ts'), server.url])
    return { UPFRONT_DATABASE_URL, UPFRONT_MIGRATIONS_DIR, UPFRONT_SHADOW_DATABASE_URL: server.url }
  }
  const timed = (command: readonly string[]) => {
    const env = fresh()
    return time([node, entrypoint, ...command], env)
  }
  const value = ratio(
    () => timed(['rehearse']),
    () => timed(['up']),
    10,
  )
  report('rehearse 200 on a shadow', value, 'applying them', 1.5)
}

/** Against what people would run instead. */
async function againstRivals(server: Server): Promise<void> {
  const rivals = installRivals(node, work)
  if (rivals === null) return console.log('dbmate and node-pg-migrate: npm could not fetch them to compare with')
  let count = 0
  const fresh = () => createDatabase(server, `rival_${(count += 1)}`)
  const source = join(work, 'fifty')
  const [mounted, bundle] = [source, `${source}-bundle`]
  const ofDbmate = withLines(source, join(work, 'dbmate'), '-- migrate:up', '-- migrate:down\n')
  const ofNodePgMigrate = withLines(source, join(work, 'node-pg-migrate'), '-- Up Migration')
  const ours = (dir: string) => ({ UPFRONT_DATABASE_URL: fresh(), UPFRONT_MIGRATIONS_DIR: dir })
  const timed = (command: readonly string[], env: Env = {}) => time(command, env)
  const dbmate = () => {
    const url = fresh()
    return timed(rivals.dbmate(url, ofDbmate))
  }
  const apply = () => {
    const env = ours(bundle)
    return timed([node, entrypoint], env)
  }
  report('apply 50 from a bundle', ratio(apply, dbmate, 15), 'dbmate', 1.0)
  const together: Record<'bundle' | 'mounted' | 'theirs', number[]> = { bundle: [], mounted: [], theirs: [] }
  for (let i = 0; i < 4; i += 1) {
    const starts = {
      bundle: await startTogether(30, [node, entrypoint], ours(bundle)),
      mounted: await startTogether(30, [node, entrypoint], ours(mounted)),
      theirs: await startTogether(30, rivals.nodePgMigrate(ofNodePgMigrate), { DATABASE_URL: fresh() }),
    }
    if (starts.bundle.failed + starts.mounted.failed > 0) throw new Error('one of thirty starters failed')
    // The first round warms what is read from the disk.
    if (i > 0) for (const kind of ['bundle', 'mounted', 'theirs'] as const) together[kind].push(starts[kind].ms)
    if (i === 0) console.log(`30 starters of node-pg-migrate on an empty database: ${starts.theirs.failed} fail`)
  }
  const against = (kind: 'bundle' | 'mounted') => ratioOf(together[kind], together.theirs)
  report('30 starters on an empty database, from a bundle', against('bundle'), 'node-pg-migrate', 0.45)
  report('30 starters on an empty database, from a mounted folder', against('mounted'), 'node-pg-migrate', 0.6)
}

async function applyThousand(server: Server): Promise<void> {
  const migrations = await makeMigrations('thousand', 1_000)
  const source = join(work, 'thousand')
  const compile = { UPFRONT_MIGRATIONS_DIR: source, UPFRONT_SEEDS_DIR: join(work, 'none') }
  const seconds = time([node, entrypoint, 'compile', '--out', join(work, 'out')], compile) / 1000
  console.log(`compile 1,000 small files: ${seconds.toFixed(2)} s${target(seconds, 1.5)}`)
  if (!hasPsql) return console.log('apply 1,000: no psql on the PATH to compare with')
  const files = Array.from({ length: 1_000 }, (_, i) => ['-f', join(source, `${fileName(i)}.sql`)]).flat()
  let count = 0
  const fresh = () => createDatabase(server, `bench_${(count += 1)}`)
  const ours = () => {
    const url = fresh()
    return time([node, entrypoint], { UPFRONT_DATABASE_URL: url, UPFRONT_MIGRATIONS_DIR: migrations })
  }
  const floor = () => {
    const url = fresh()
    return time(['psql', '-q', '-1', '-v', 'ON_ERROR_STOP=1', url, ...files])
  }
  report('apply 1,000 small migrations', ratio(ours, floor, 5), 'psql -1', 0.9)
}

/** 100 MB of INSERTs in one file, of a row each and of 200: what it takes to compile it, and to apply it against psql. */
async function large(server: Server): Promise<void> {
  let count = 0
  for (const rows of [1, 200]) {
    const name = `large-${rows}`
    const source = join(work, name)
    const file = makeLarge(source, 100, rows)
    const out = join(work, `${name}-out`)
    const what = `100 MB of INSERTs of ${rows === 1 ? 'a row' : `${rows} rows`}`
    const compile = { UPFRONT_MIGRATIONS_DIR: source, UPFRONT_SEEDS_DIR: join(work, 'none') }
    const compiling = peakMb(node, hook, [entrypoint, 'compile', '--out', out], compile)
    console.log(`compile ${what}: ${compiling.toFixed(0)} MB of memory at its peak${target(compiling, 150)}`)
    const env = () => ({
      UPFRONT_DATABASE_URL: createDatabase(server, `large_${(count += 1)}`),
      UPFRONT_MIGRATIONS_DIR: join(out, 'migrations'),
    })
    const applying = peakMb(node, hook, [entrypoint], env())
    console.log(`apply ${what}: ${applying.toFixed(0)} MB of memory at its peak${target(applying, 150)}`)
    if (process.platform === 'linux') {
      const session = await serverPeakMb(server.pid!, [node, entrypoint], env())
      console.log(`apply ${what}: ${session.toFixed(0)} MB of the server's memory at its peak`)
    }
    if (!hasPsql) continue
    const ours = () => {
      const fresh = env()
      return time([node, entrypoint], fresh)
    }
    const floor = () => {
      const { UPFRONT_DATABASE_URL: url } = env()
      return time(['psql', '-q', '-1', '-v', 'ON_ERROR_STOP=1', url, '-f', file])
    }
    report(`apply ${what}`, ratio(ours, floor, 2), 'psql -1', 1.0)
  }
}

/** On a server as tests have it: without fsync, with what the sample of this repository makes. */
async function testDatabases(): Promise<void> {
  await withPostgres({}, async ({ url }) => {
    const { ours, floor } = await measureTestDatabases(
      join(root, 'dist/api/index.js'),
      url,
      join(root, 'migrations'),
      40,
    )
    report('a test database once the template is there', ratioOf(ours, floor), 'an empty create database', 1.6)
    const median = ours.toSorted((a, b) => a - b)[ours.length >> 1]!
    console.log(`a test database once the template is there: ${median.toFixed(0)} ms${target(median, 100)}`)
  })
}

/** Without fsync, because otherwise two thousand databases take longer to be made than all else here. */
async function fleet(): Promise<void> {
  const databases = Number(process.env['BENCH_DATABASES'] ?? 1_000)
  await withPostgres({ auth: 'trust' }, (server) =>
    measureFleet({ server, work, program: [node, entrypoint], hook, databases, hasPsql }),
  )
}

/** A schema of 1,000 tables held against its bundle: the time of the whole process, and its memory. */
async function verifyThousand(server: Server): Promise<void> {
  const [source, out] = [join(work, 'wide'), join(work, 'wide-out')]
  makeWide(source, 1_000)
  const compile = { UPFRONT_MIGRATIONS_DIR: source, UPFRONT_SEEDS_DIR: join(work, 'none') }
  run([node, entrypoint, 'compile', '--schema', '--out', out], { ...compile, UPFRONT_SHADOW_DATABASE_URL: server.url })
  const env = { UPFRONT_DATABASE_URL: createDatabase(server, 'wide'), UPFRONT_MIGRATIONS_DIR: join(out, 'migrations') }
  run([node, entrypoint], env)
  const times = Array.from({ length: 5 }, () => time([node, entrypoint, 'verify'], env)).sort((a, b) => a - b)
  console.log(`verify 1,000 tables: ${(times[2]! / 1000).toFixed(2)} s${target(times[2]! / 1000, 1)}`)
  const peak = peakMb(node, hook, [entrypoint, 'verify'], env)
  console.log(`verify 1,000 tables: ${peak.toFixed(0)} MB of memory at its peak${target(peak, 100)}`)
}

/** A new database; returns its URL. */
function createDatabase(server: Server, name: string): string {
  const url = server.url.replace(/\/[^/]*$/, `/${name}`)
  run([node, join(root, 'scripts/bench/create-database.ts'), url])
  return url
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

function imageSize(): void {
  const image = spawnSync('docker', ['image', 'inspect', '--format', '{{.Size}}', 'upfront'], { encoding: 'utf8' })
  if (image.status !== 0) return console.log('image size: no image named upfront (docker build -t upfront .)')
  const stripped = join(work, 'node')
  const strip = spawnSync('strip', [node, '-o', stripped])
  const nodeMb = statSync(strip.status === 0 ? stripped : node).size / 1e6
  const over = Number(image.stdout) / 1e6 - nodeMb
  console.log(`image size: the stripped node (${nodeMb.toFixed(0)} MB) plus ${over.toFixed(0)} MB${target(over, 30)}`)
}
