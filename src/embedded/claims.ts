// What a server owns outside this process: its folders and one child. All are gone when the process is.
import { type ChildProcess } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buryAfterUs } from './undertaker.ts'

/** Who runs the server; empty for whoever we are. */
export type Account = { readonly uid?: number; readonly gid?: number }

/** A folder that will be removed, and the child that works in it. */
export type Claim = {
  readonly folder: string
  child: ChildProcess | undefined
  /** The folder itself, and the one elsewhere that its `data` leads to. */
  readonly all: readonly string[]
  /** For when we are killed without a word. */
  readonly spareBurial: () => void
}

const claims = new Set<Claim>()
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const lastResortMs = 5_000

/** Postgres refuses root: as root, an unprivileged user that exists already. */
export function serverAccount(): Account {
  if (process.geteuid?.() !== 0) return {}
  const users = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody', 'daemon']) {
    const [, , uid, gid] = users.find((fields) => fields[0] === name) ?? []
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('Postgres does not run as root, and /etc/passwd has no user postgres, nobody or daemon.')
}

/**
 * Makes a temporary folder for `account`, removed by `release` or when the process ends; its `data` is below `dataIn`,
 * if that is given.
 */
export function claimFolder(account: Account, dataIn?: string): Claim {
  const parent = [tmpdir(), '/tmp', '/var/tmp'].find((path) => account.uid === undefined || isEnterable(path))
  if (!parent) throw new Error(`Set TMPDIR to a folder that every user may enter; ${tmpdir()} is not.`)
  if (claims.size === 0) watch()
  const make = (below: string) => {
    const folder = fs.mkdtempSync(join(fs.realpathSync(below), 'upfront-postgres-'))
    fs.chmodSync(folder, 0o755)
    if (account.uid !== undefined) fs.chownSync(folder, account.uid, account.gid ?? account.uid)
    return folder
  }
  const all = [parent, ...(dataIn === undefined ? [] : [dataIn])].map(make) as [string, string?]
  const [folder, data] = all
  if (data !== undefined) fs.symlinkSync(data, join(folder, 'data'))
  const folders = all as string[]
  const claim: Claim = { folder, child: undefined, all: folders, spareBurial: buryAfterUs(folders, process.env.PATH) }
  claims.add(claim)
  return claim
}

/** How a program of Postgres is started in the folder. */
export function spawnOptions(claim: Claim, account: Account) {
  // Own session: a Ctrl-C in the terminal is for us alone. Own environment: no PG* of the caller's counts.
  return { ...account, cwd: claim.folder, detached: true, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } }
}

/** Removes the folders; the child must be gone. */
export function release(claim: Claim): void {
  // A killed postmaster's backends may write for another moment.
  for (const folder of claim.all.toReversed())
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  claim.spareBurial()
  claims.delete(claim)
  if (claims.size === 0) unwatch()
}

/** True while the child has not been seen to exit. */
export function isAlive(child: ChildProcess | undefined): child is ChildProcess & { readonly pid: number } {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
}

function isEnterable(path: string): boolean {
  if (!fs.existsSync(path)) return false
  const real = fs.realpathSync(path)
  const everybody = (fs.statSync(real).mode & 0o001) !== 0
  return everybody && (real === dirname(real) || isEnterable(dirname(real)))
}

function watch(): void {
  process.on('exit', destroyAll)
  // First in line, to see whether anybody else listens.
  for (const signal of signals) process.prependListener(signal, onSignal)
}

function unwatch(): void {
  process.off('exit', destroyAll)
  for (const signal of signals) process.off(signal, onSignal)
}

function onSignal(signal: NodeJS.Signals): void {
  // Others decide what the signal means here; when it means the end, `exit` cleans up.
  if (process.listenerCount(signal) > 1) return
  destroyAll()
  process.kill(process.pid, signal)
}

function destroyAll(): void {
  for (const claim of claims) {
    if (isAlive(claim.child)) destroy(claim.child.pid, join(claim.folder, 'data/postmaster.pid'))
    release(claim)
  }
}

// Synchronous, for there is no event loop any more.
function destroy(pid: number, pidFile: string): void {
  const deadline = Date.now() + lastResortMs
  signal(pid, 'SIGQUIT')
  // The postmaster removes its file last, after its backends and its shared memory.
  while (fs.existsSync(pidFile) && Date.now() < deadline)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  // The whole group: initdb has a child of its own.
  signal(-pid, 'SIGKILL')
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already.
  }
}
