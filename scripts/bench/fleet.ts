import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { writeMigrations } from '../../src/bundle/write.ts'
import { parseConnection } from '../../src/config/database/connection.ts'
import type { Server } from '../../src/embedded/postgres.ts'
import { hostsOf, placeAt } from '../../src/fleet/fleet.ts'
import { peakMb } from './large.ts'
import { type Env, ratio, ratioOf, run, time } from './measure.ts'
import { report, target } from './report.ts'

/** What a fleet is measured with. */
export interface FleetBench {
  readonly server: Server
  readonly work: string
  /** The program as it ships, as a command. */
  readonly program: readonly [string, string]
  readonly hook: string
  /** How many databases; a thousand take minutes to be made. */
  readonly databases: number
  readonly hasPsql: boolean
}

const migrations = 20
const parallel = 4

/** A fleet of databases against a loop of psql with as many at once, and a fleet with nothing to do against one database. */
export async function measureFleet(bench: FleetBench): Promise<void> {
  const { server, work } = bench
  const source = join(work, 'fleet')
  mkdirSync(source)
  const files = Array.from({ length: migrations }, (_, i) => {
    const file = join(source, `${String(i + 1).padStart(4, '0')}_t${i}.sql`)
    writeFileSync(
      file,
      `create table t${i} (id bigint primary key, name text not null);\ncreate index on t${i} (name);\n`,
    )
    return file
  })
  const bundle = `${source}-bundle`
  await writeMigrations(source, bundle)
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  const env = { UPFRONT_DATABASE_URL: server.url, UPFRONT_MIGRATIONS_DIR: bundle }
  await applyAll(bench, client, env, files)
  await nothingToDo(bench, client, env)
  await client.end()
}

const shell = {
  'a transaction for each file': (files: readonly string[]) =>
    `for file in ${files.join(' ')}; do psql -q -1 -v ON_ERROR_STOP=1 -d "$1" -f "$file" || exit 1; done`,
  'one for all files': (files: readonly string[]) =>
    `exec psql -q -1 -v ON_ERROR_STOP=1 -d "$1" ${files.map((file) => `-f ${file}`).join(' ')}`,
}
type Rival = keyof typeof shell

async function applyAll(
  { server, work, program, hook, databases, hasPsql }: FleetBench,
  client: pg.Client,
  env: Env,
  files: readonly string[],
) {
  const urlOf = (name: string) => server.url.replace(/\/[^/]*$/, `/${name}`)
  const rivals = hasPsql ? (Object.keys(shell) as Rival[]) : []
  const times: Record<Rival | 'ours', number[]> = {
    ours: [],
    'a transaction for each file': [],
    'one for all files': [],
  }
  // In two halves, so that a drifting machine moves all; the first round warms.
  const rounds = [10, databases / 2, databases / 2]
  let peak = 0
  for (const [round, count] of rounds.entries()) {
    for (const [index, who] of (['ours', ...rivals] as const).entries()) {
      const prefix = `fleet_${round}_${index}_`
      // A session for each file takes ten times as long, so that fewer have to do.
      const share = who === 'a transaction for each file' ? Math.ceil(count / 20) : count
      const names = Array.from({ length: share }, (_, i) => `${prefix}${i}`)
      for (const name of names) await client.query(`create database ${name} strategy file_copy`)
      await client.query('checkpoint')
      const begun = performance.now()
      if (who === 'ours') {
        const UPFRONT_FLEET_QUERY = `select datname as database from pg_database where starts_with(datname, '${prefix}')`
        const settings = { ...env, UPFRONT_FLEET_QUERY, UPFRONT_FLEET_PARALLEL: String(parallel) }
        peak = peakMb(program[0], hook, [program[1], 'fleet', 'up'], settings)
      } else {
        const [list, script] = [join(work, 'urls'), join(work, 'one.sh')]
        writeFileSync(list, names.map((name) => `${urlOf(name)}\n`).join(''))
        writeFileSync(script, shell[who](files))
        run(['sh', '-c', `xargs -P ${parallel} -n 1 sh ${script} < ${list}`])
      }
      if (round > 0) times[who].push((performance.now() - begun) / share)
      for (const name of names) await client.query(`drop database ${name}`)
    }
  }
  const what = `fleet up, ${databases} databases of ${migrations} migrations`
  console.log(`${what}: ${perDatabase(times.ours)} ms each, ${peak.toFixed(0)} MB at its peak${target(peak, 120)}`)
  if (!hasPsql) console.log('fleet up: no psql on the PATH to compare with')
  for (const rival of rivals)
    report(what, ratioOf(times.ours, times[rival]), `a loop of psql -1, ${rival}, ${parallel} at once`, 0.5)
}

function perDatabase(times: readonly number[]): string {
  return (times.reduce((a, b) => a + b, 0) / times.length).toFixed(0)
}

/** The tenants need not exist: that none of them is looked at is the point. */
async function nothingToDo({ program, hook }: FleetBench, client: pg.Client, env: Env) {
  const central = parseConnection(env['UPFRONT_DATABASE_URL']!, {})
  if (typeof central === 'string') throw new Error(central)
  const { rows } = await client.query<{ bundle: string }>('select bundle from upfront.fleet limit 1')
  const places = Array.from({ length: 100_000 }, (_, i) => {
    return placeAt(hostsOf(central), `none_${i + 1}`, null)
  })
  await client.query(
    `insert into upfront.fleet (target, place, bundle, state, attempt, shard, host, finished)
     select 'none_' || i, ($1::text[])[i], $2, 'done', 1, 0, 'bench', now() from generate_series(1, 100000) as i`,
    [places, rows[0]!.bundle],
  )
  await client.query('vacuum analyze upfront.fleet')
  const of = (count: number) => ({
    ...env,
    UPFRONT_FLEET_QUERY: `select 'none_' || i as database from generate_series(1, ${count}) as i`,
  })
  const only = (count: number) => time([...program, 'fleet', 'up'], of(count))
  report('fleet up with nothing to do, 10,000 targets', ratio(() => only(10_000), () => only(1), 10), 'that of one', 3) // prettier-ignore
  for (const count of [10_000, 100_000]) {
    const peak = peakMb(program[0], hook, [program[1], 'fleet', 'up'], of(count))
    console.log(`fleet up with nothing to do, ${count} targets: ${peak.toFixed(0)} MB at its peak${target(peak, 120)}`)
  }
}
