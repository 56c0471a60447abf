import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Plugin } from 'rolldown'

const here = import.meta.dirname

/** What pg loads at every start and this program does not need then, and what stands in its place. */
const replaced: Readonly<Record<string, string>> = {
  // For runtimes without Node's cryptography.
  'pg/lib/crypto/utils.js': readFileSync(join(here, 'pg-crypto.cjs'), 'utf8'),
  // Finds out whether this is Cloudflare, by loading what a browser has; our sockets are given to it.
  'pg/lib/stream.js': `module.exports = {
    getStream: () => new (require('net').Socket)(),
    getSecureStream: (options) => require('tls').connect(options),
  }`,
  // We open each session ourselves, from settings that are read and checked, on Node's own sockets.
  'pg-pool/index.js': 'module.exports = class Pool {}',
  'pg/lib/native/index.js': 'module.exports = {}',
  'pgpass/lib/index.js': 'module.exports = (_, done) => done(undefined)',
  'pg-connection-string/index.js': 'module.exports = { parse: () => ({}) }',
}

/** Texts that are exchanged; each must be there, or a new version of pg has to be looked at. */
const exchanged: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'pg/lib/connection-parameters.js': [
    ["const dns = require('dns')\n", ''],
    ['dns.lookup(', "require('dns').lookup("],
  ],
}

const exported: Readonly<Record<string, readonly string[]>> = {
  'pg/lib/crypto/utils.js': ['postgresMd5PasswordHash', 'randomBytes', 'deriveKey', 'sha256', 'hashByName', 'hmacSha256', 'md5'], // prettier-ignore
  'pg/lib/stream.js': ['getStream', 'getSecureStream'],
}

/** Leaves out of pg what only other runtimes and other programs need; fails when pg is not as expected any more. */
export function leanPg(): Plugin {
  const require = createRequire(import.meta.url)
  for (const [name, expected] of Object.entries(exported)) {
    const found = Object.keys(require(name) as object)
    if (found.toSorted().join() !== expected.toSorted().join())
      throw new Error(`${name} exports ${found.join(', ')}: look at scripts/build/lean-pg.ts`)
  }
  const met = new Set<string>()
  return {
    name: 'lean-pg',
    load(id) {
      const name = id.split('/node_modules/').at(-1)!
      if (replaced[name] !== undefined) {
        met.add(name)
        return replaced[name]
      }
      const changes = exchanged[name]
      if (!changes) return null
      met.add(name)
      return changes.reduce(
        (text, [from, to]) => {
          if (!text.includes(from)) throw new Error(`${name} has no ${from}: look at scripts/build/lean-pg.ts`)
          return text.replaceAll(from, to)
        },
        readFileSync(id, 'utf8'),
      )
    },
    buildEnd() {
      const missing = [...Object.keys(replaced), ...Object.keys(exchanged)].filter((name) => !met.has(name))
      if (missing.length > 0) throw new Error(`${missing.join(', ')} not met: look at scripts/build/lean-pg.ts`)
    },
  }
}
