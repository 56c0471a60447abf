import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseConnection } from '../../../../src/config/database/connection.ts'
import { findPassword, judgePasswordFile } from '../../../../src/config/database/passfile.ts'
import type { HostPort, Target } from '../../../../src/config/database/target.ts'

const home = mkdtempSync(join(tmpdir(), 'upfront-passfile-'))
afterAll(() => rmSync(home, { recursive: true }))

const file = join(home, '.pgpass')
writeFileSync(
  file,
  [
    '# a comment: it:is:not:a:line',
    'db:5432:app:me:first',
    'db:5432:app:me:second',
    'db:*:*:somebody:of any port and database',
    'c\\:olon:5432:app:me:with\\:colon and \\\\ backslash',
    'raw:5432:app:me:a:b:c',
    '::1:5432:app:me:an address is cut at its colons',
    '\\:\\:1:5432:app:me:ipv6',
    'localhost:5432:app:me:socket',
    '/run/own:5432:app:me:own socket',
    'empty:5432:app:me:',
    'short:5432:app',
    '*:*:*:anyone:catch all\r',
    '',
  ].join('\n'),
  { mode: 0o600 },
)

function passwordOf(user: string, at: HostPort, database = 'app'): string | undefined {
  const target = parseConnection(`postgres://${user}@h/${database}`, {}) as Target
  return findPassword(target, at, home)
}

test.each([
  ['me', 'db', 5432, 'first'],
  ['me', 'db', 5433, undefined],
  ['somebody', 'db', 1, 'of any port and database'],
  ['me', 'c:olon', 5432, 'with:colon and \\ backslash'],
  ['me', 'raw', 5432, 'a:b:c'],
  ['me', '::1', 5432, 'ipv6'],
  ['me', '/tmp', 5432, 'socket'],
  ['me', '/var/run/postgresql', 5432, 'socket'],
  ['me', '/run/own', 5432, 'own socket'],
  ['me', 'empty', 5432, undefined],
  ['me', 'short', 5432, undefined],
  ['anyone', 'anywhere', 9, 'catch all'],
  ['stranger', 'anywhere', 9, undefined],
])('the password of %s at %s:%i is that of the first line that fits: %s', (user, host, port, password) => {
  expect(passwordOf(user, { host, port })).toBe(password)
})

test('no home, or no file there: no password and nothing to say', () => {
  expect(judgePasswordFile(undefined, undefined)).toBeUndefined()
  expect(judgePasswordFile(undefined, '/nonexistent')).toBeUndefined()
  const target = parseConnection('postgres://me@h/app', {}) as Target
  expect(findPassword(target, { host: 'db', port: 5432 }, undefined)).toBeUndefined()
  expect(findPassword(target, { host: 'db', port: 5432 }, '/nonexistent')).toBeUndefined()
})

test('a file that was named and is not there is said', () => {
  expect(judgePasswordFile('/nonexistent/pass', home)).toContain('/nonexistent/pass does not exist, so it is ignored')
})

test('a file that others may read is ignored as by libpq, and that is said with the way out', () => {
  const open = join(home, 'open')
  writeFileSync(open, '*:*:*:*:sesame')
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(open, mode)
    expect(judgePasswordFile(open, home)).toContain('chmod 0600; in Kubernetes defaultMode: 0600')
    const target = { ...(parseConnection('postgres://me@h/app', {}) as Target), passfile: open }
    expect(findPassword(target, { host: 'db', port: 5432 }, home)).toBeUndefined()
  }
  mkdirSync(join(home, 'folder'))
  expect(judgePasswordFile(join(home, 'folder'), home)).toContain('is not a plain file')
})
