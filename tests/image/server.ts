// A Postgres server in a container, its data in memory.
import { randomBytes } from 'node:crypto'
import { type Container, type Lab, must, until } from './lab.ts'

export interface Server {
  /** What other containers call it. */
  readonly host: string
  readonly container: Container
  /** A fresh, empty database. */
  createDatabase(): Promise<Database>
}

/** A database as containers of the same network see it. */
export interface Database {
  readonly name: string
  readonly password: string
  /** As the superuser. */
  readonly url: string
  /** What upfront has to be told. */
  readonly env: Readonly<Record<string, string>>
  /** The lines of a query's answer, columns parted by `|`. */
  query(sql: string): Promise<string[]>
  /** `kind name` of everything in the history, in its order. */
  history(): Promise<string[]>
}

const password = `not-a-secret-${randomBytes(4).toString('hex')}`

/** A server that accepts connections when the promise resolves. */
export async function startServer(lab: Lab): Promise<Server> {
  const host = 'postgres'
  const container = await launchServer(lab, host)
  const ready = async () =>
    (await lab.docker('exec', container.id, 'pg_isready', '--host', '127.0.0.1', '--quiet')).exitCode === 0
  await until(ready, 'Postgres was ready')
  const psql = async (database: string, sql: string) => {
    const flags = ['--no-psqlrc', '--tuples-only', '--no-align', '--set', 'ON_ERROR_STOP=1', '--username', 'postgres']
    const exec = ['exec', container.id, 'psql', ...flags, '--dbname', database, '--command', sql]
    return (await must(lab.docker(...exec))).stdout.split('\n').filter(Boolean)
  }
  let count = 0
  return {
    host,
    container,
    createDatabase: async () => {
      const name = `test_${++count}`
      await psql('postgres', `create database ${name}`)
      const url = `postgres://postgres:${password}@${host}/${name}`
      return {
        name,
        password,
        url,
        env: { DATABASE_URL: url },
        query: (sql) => psql(name, sql),
        history: () => psql(name, `select kind || ' ' || name from upfront.history order by id`),
      }
    },
  }
}

/** The same server without waiting for it; `initdb` is a folder of scripts for its first start. */
export function launchServer(lab: Lab, host: string, initdb?: string): Promise<Container> {
  const flags = ['--network-alias', host, '--tmpfs', '/var/lib/postgresql']
  if (initdb !== undefined) flags.push('--volume', `${initdb}:/docker-entrypoint-initdb.d:ro`)
  return lab.start('postgres:18', ['-c', 'fsync=off'], { env: { POSTGRES_PASSWORD: password }, flags })
}

/** How others reach the database of a server that was launched. */
export function urlOf(host: string): string {
  return `postgres://postgres:${password}@${host}/postgres`
}
