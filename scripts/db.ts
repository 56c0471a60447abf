import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runEmbedded } from './db/embedded.ts'

/**
 * `npm run db:up`: a database to develop with, whose data stays. In a container where an engine answers, else the
 * embedded Postgres until Ctrl-C. `npm run db:down` stops the container.
 */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { docker: { type: 'boolean' }, embedded: { type: 'boolean' }, port: { type: 'string', default: '54320' } },
})
const port = Number(values.port)
const url = `postgres://postgres:postgres@127.0.0.1:${port}/app`

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const [command = 'up'] = positionals
  if (command === 'down') return composeOrFail('down')
  if (command !== 'up' || !Number.isInteger(port)) throw new Error('usage: node scripts/db.ts up|down [--docker | --embedded] [--port 54320]') // prettier-ignore
  if (!values.embedded && (values.docker || hasEngine())) {
    composeOrFail('up', '--detach')
    say(`Postgres runs in a container: ${url}`)
    sayHowToUse()
    say('It runs on, and keeps its data, until: npm run db:down')
    return
  }
  await untilInterrupted()
}

async function untilInterrupted(): Promise<void> {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort())
  const folder = join(root, '.postgres')
  const onReady = () => {
    say(`Postgres runs here, its data is in .postgres/: ${url}`)
    sayHowToUse()
    say('Ctrl-C stops it; the data stays.')
  }
  await runEmbedded({ folder, port, password: 'postgres', database: 'app', signal: controller.signal, onReady })
  say('stopped')
}

/** Where there is no .env yet, what the other scripts need is written there. */
function sayHowToUse(): void {
  const path = join(root, '.env')
  const lines = `DATABASE_URL=${url}\nUPFRONT_ENV=development\n`
  if (existsSync(path)) {
    say(`npm run db:migrate and the others use what .env names; for this one:\n${lines.trimEnd()}`)
  } else {
    writeFileSync(path, `# Made by npm run db:up; every setting is in .env.example.\n${lines}`)
    say('.env names it now, so these work: npm run db:migrate, db:seed, db:seed:test, db:rollback, db:status')
  }
}

function hasEngine(): boolean {
  const works = (...command: [string, ...string[]]) => spawnSync(command[0], command.slice(1), { timeout: 10_000 }).status === 0 // prettier-ignore
  return works('docker', 'info') && (works('docker', 'compose', 'version') || works('docker-compose', 'version'))
}

function composeOrFail(...args: readonly string[]): void {
  const isPlugin = spawnSync('docker', ['compose', 'version']).status === 0
  const [program, ...first] = isPlugin ? ['docker', 'compose'] : ['docker-compose']
  const file = ['--file', join(root, 'scripts/db/compose.yml')]
  const env = { COMPOSE_PROJECT_NAME: 'upfront-development', ...process.env, UPFRONT_DB_PORT: String(port) }
  const { status, error } = spawnSync(program!, [...first, ...file, ...args], { stdio: 'inherit', env })
  if (error) throw error
  if (status !== 0) throw new Error('That did not work. Without a container engine: npm run db:up -- --embedded')
}

function say(text: string): void {
  console.log(text)
}
