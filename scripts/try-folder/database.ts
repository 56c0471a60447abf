import pg from 'pg'

/** Runs `use` in a database that has only what the texts make; it is gone afterwards, like the roles made meanwhile. */
export async function withDatabase<T>(
  server: string,
  before: readonly string[],
  use: (client: pg.Client, url: string) => Promise<T>,
): Promise<T> {
  // One name for all, because it is in what some migrations leave behind.
  const name = `try_folder_${process.pid}`
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  return await withClient(server, async (admin) => {
    const roles = await rolesOf(admin)
    await admin.query(`create database ${name} template template0`)
    try {
      // A session of its own, so that its settings are not those of the migrations.
      await withClient(url, async (client) => {
        for (const text of before) await client.query(text)
      })
      return await withClient(url, (client) => use(client, url))
    } finally {
      await admin.query(`drop database ${name} with (force)`)
      for (const role of await rolesOf(admin))
        if (!roles.includes(role)) await admin.query(`drop role ${pg.escapeIdentifier(role)}`).catch(() => {})
    }
  })
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

async function rolesOf(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles')
  return rows.map(({ rolname }) => rolname)
}
