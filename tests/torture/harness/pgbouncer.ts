// The real PgBouncer in front of a server, as somebody who may do nothing.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverAccount } from '../../../src/embedded/claims.ts'
import { until } from '../../support/database.ts'
import { freePort } from './ports.ts'

const binary = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => spawnSync(path, ['--version']).status === 0)

/** Why its tests are skipped, undefined when they are not: in CI it has to be there. */
export const missing =
  binary === undefined && process.env['CI'] === undefined ? 'no pgbouncer here: apt-get install pgbouncer' : undefined

export type PoolMode = 'session' | 'transaction' | 'statement'

/** Runs `use` with the port of a PgBouncer; it has one server connection for everybody, so that pooling is felt. */
export async function withPgBouncer(
  mode: PoolMode,
  server: { readonly host: string; readonly port: number; readonly user: string; readonly password: string },
  use: (port: number) => Promise<void>,
  options: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (binary === undefined) throw new Error('pgbouncer is not installed: apt-get install pgbouncer')
  const account = serverAccount()
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'upfront-pgbouncer-'))
  const port = await freePort()
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: join(dir, 'users'),
    pool_mode: mode,
    default_pool_size: mode === 'session' ? '20' : '2',
    server_login_retry: '1',
    ignore_startup_parameters: '',
    ...options,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  const ini = `[databases]\n* = host=${server.host} port=${server.port}\n[pgbouncer]\n${lines.join('\n')}\n`
  writeFileSync(join(dir, 'pgbouncer.ini'), ini)
  writeFileSync(join(dir, 'users'), `"${server.user}" "${server.password}"\n`, { mode: 0o600 })
  for (const path of [dir, join(dir, 'pgbouncer.ini'), join(dir, 'users')])
    if (account.uid !== undefined) chownSync(path, account.uid, account.gid ?? account.uid)
  const child = spawn(binary, [join(dir, 'pgbouncer.ini')], { ...account, cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log += String(text)))
  try {
    await until(() => log.includes('process up') || child.exitCode !== null, `pgbouncer is up: ${log}`)
    if (child.exitCode !== null) throw new Error(`pgbouncer did not start:\n${log}`)
    await use(port)
  } finally {
    const gone = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await gone
    rmSync(dir, { recursive: true, force: true })
  }
}
