// A name server of our own, and how a process comes to ask it and nobody else.
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What it answers: these addresses, that there is no such name, or that it cannot say at the moment. */
export type Answer = readonly string[] | 'NXDOMAIN' | 'SERVFAIL'

/** Why tests with it are skipped, undefined when they are not. */
export const withoutDns = process.geteuid?.() === 0 ? undefined : 'a name server of our own needs root, for its port 53'

const codes = { NXDOMAIN: 3, SERVFAIL: 2 }

/** Runs `use` with what a command is put behind to ask our server, which calls `answer` for each question. */
export async function withDns<T>(dir: string, answer: () => Answer, use: (prefix: string[]) => Promise<T>): Promise<T> {
  const address = `127.53.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address: from }) => {
    socket.send(reply(question, answer()), port, from)
  })
  socket.bind(53, address)
  await once(socket, 'listening')
  writeFileSync(join(dir, 'resolv.conf'), `nameserver ${address}\noptions timeout:1 attempts:1\n`)
  writeFileSync(join(dir, 'hosts'), '127.0.0.1 localhost\n')
  // In a mount namespace of its own the process has other files there.
  const mount = ['resolv.conf', 'hosts'].map((name) => `mount --bind ${join(dir, name)} /etc/${name}`)
  try {
    return await use(['unshare', '--mount', 'sh', '-c', `${mount.join(' && ')} && exec "$@"`, '--'])
  } finally {
    socket.close()
  }
}

function reply(question: Buffer, answer: Answer): Buffer {
  // Behind twelve bytes of header comes the name, ended by a zero, and its type and class.
  const end = question.indexOf(0, 12) + 5
  const wantsV6 = question.readUInt16BE(end - 4) === 28
  const records = typeof answer === 'string' ? [] : answer.filter((address) => address.includes(':') === wantsV6)
  const header = Buffer.from(question.subarray(0, 12))
  header.writeUInt16BE(0x8180 | (typeof answer === 'string' ? codes[answer] : 0), 2)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt32BE(0, 8)
  return Buffer.concat([header, question.subarray(12, end), ...records.map((address) => record(address))])
}

/** A or AAAA of the name asked for, good for no time at all. */
function record(address: string): Buffer {
  const bytes = address === '::1' ? Buffer.from([...Array<number>(15).fill(0), 1]) : Buffer.from(address.split('.').map(Number)) // prettier-ignore
  const head = Buffer.from([0xc0, 12, 0, bytes.length === 16 ? 28 : 1, 0, 1, 0, 0, 0, 0, 0, bytes.length])
  return Buffer.concat([head, bytes])
}
