import pg from 'pg'

/** Runs `use` in an empty database; it is gone afterwards, and so are the roles that were made meanwhile. */
export async function withDatabase<T>(server: string, use: (client: pg.Client, url: string) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  // One name for all, because it is in what some migrations leave behind.
  const name = `try_folder_${process.pid}`
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  const before = await rolesOf(admin)
  await admin.query(`create database ${name} template template0`)
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    return await use(client, url)
  } finally {
    await client.end()
    await admin.query(`drop database ${name} with (force)`)
    for (const role of await rolesOf(admin))
      if (!before.includes(role)) await admin.query(`drop role ${pg.escapeIdentifier(role)}`).catch(() => {})
    await admin.end()
  }
}

async function rolesOf(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles')
  return rows.map(({ rolname }) => rolname)
}
