// Hosts of their own on this machine, and cables that can be cut without anybody being told.
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'

export interface Host {
  /** What a command is put behind to run there. */
  readonly prefix: string[]
  /** How it reaches this machine. */
  readonly gateway: string
  /** From now on every packet is lost, in both directions, and no end hears of it. */
  cut(): void
}

const tools = ['ip', 'iptables'].filter((name) => spawnSync(name, ['-V']).status !== 0)

/** Why tests in network namespaces are skipped, undefined when they are not. */
export const withoutNamespaces =
  process.geteuid?.() !== 0
    ? 'network namespaces need root'
    : tools.length > 0
      ? `${tools.join(' and ')} not found: apt-get install iproute2 iptables`
      : undefined

/** Makes so many hosts; they and their cables are gone afterwards. */
export async function withHosts<T>(count: number, use: (hosts: readonly Host[]) => Promise<T>): Promise<T> {
  const names: string[] = []
  try {
    const hosts = Array.from({ length: count }, () => makeHost(names))
    return await use(hosts)
  } finally {
    for (const name of names) spawnSync('ip', ['netns', 'del', name])
  }
}

function makeHost(names: string[]): Host {
  const name = `upf${randomBytes(4).toString('hex')}`
  // A network of two addresses, somewhere in 10.217 where nobody is.
  const net = `10.217.${randomInt(256)}`
  const base = randomInt(63) * 4
  const [gateway, address] = [`${net}.${base + 1}`, `${net}.${base + 2}`]
  run('ip', 'netns', 'add', name)
  names.push(name)
  // A cable goes with the namespace that one of its ends is in.
  run('ip', 'link', 'add', `${name}o`, 'type', 'veth', 'peer', 'name', 'cable', 'netns', name)
  run('ip', 'addr', 'add', `${gateway}/30`, 'dev', `${name}o`)
  run('ip', 'link', 'set', `${name}o`, 'up')
  run('ip', '-n', name, 'addr', 'add', `${address}/30`, 'dev', 'cable')
  for (const device of ['cable', 'lo']) run('ip', '-n', name, 'link', 'set', device, 'up')
  return {
    prefix: ['ip', 'netns', 'exec', name],
    gateway,
    cut: () => {
      for (const chain of ['INPUT', 'OUTPUT']) run('ip', 'netns', 'exec', name, 'iptables', '-I', chain, '-j', 'DROP')
    },
  }
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
