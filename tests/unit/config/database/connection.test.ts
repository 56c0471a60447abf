import { expect, test } from 'vitest'

import { targetFromPgEnv } from '../../../../src/config/database/complete.ts'
import { connectionExample, parseConnection } from '../../../../src/config/database/connection.ts'
import type { PgEnv } from '../../../../src/config/database/pg-env.ts'
import { listSecrets } from '../../../../src/config/secrets.ts'
import type { Target } from '../../../../src/config/database/target.ts'

function parse(text: string, pgEnv: PgEnv = {}): Target {
  const target = parseConnection(text, pgEnv)
  if (typeof target === 'string') throw new Error(target)
  return target
}

function refusal(text: string, pgEnv: PgEnv = {}): string {
  const problem = parseConnection(text, pgEnv)
  if (typeof problem !== 'string') throw new Error(`accepted: ${JSON.stringify(problem)}`)
  return problem
}

test('a plain URL gives everything a connection needs', () => {
  expect(parseConnection('postgres://me:secret@db:6000/app', {}, 'DATABASE_URL')).toEqual({
    hosts: [{ host: 'db', port: 6000 }],
    database: 'app',
    user: 'me',
    password: 'secret',
    tls: { mode: 'prefer', rootCert: undefined, cert: undefined, key: undefined, keyPassword: undefined },
    channelBinding: 'prefer',
    requireAuth: undefined,
    options: undefined,
    connectTimeoutMs: 0,
    searchPath: undefined,
    source: 'DATABASE_URL',
  })
})

test('what a URL leaves out has the defaults of libpq', () => {
  expect(parse('postgresql://me@db')).toMatchObject({
    hosts: [{ host: 'db', port: 5432 }],
    database: 'me',
    password: undefined,
    tls: { mode: 'prefer' },
  })
})

test.each<[string, [string, number][]]>([
  ['postgres://u@h1:1,h2,[::1]:5433/db', [['h1', 1], ['h2', 5432], ['::1', 5433]]], // prettier-ignore
  ['postgres://u@h1,h2/db', [['h1', 5432], ['h2', 5432]]], // prettier-ignore
  ['postgres://u@h1:,h2:2/db', [['h1', 5432], ['h2', 2]]], // prettier-ignore
  ['postgres://u@[fe80::1%25eth0]/db', [['fe80::1%eth0', 5432]]],
  ['postgres://u@[2001:db8::1]/db', [['2001:db8::1', 5432]]],
  ['postgres://u@%2Fvar%2Frun%2Fpostgresql/db', [['/var/run/postgresql', 5432]]],
  ['postgres://u@%2Fvar%2Frun:6000/db', [['/var/run', 6000]]],
  ['postgres:///db?host=/socket/dir&user=u', [['/socket/dir', 5432]]],
  ['postgres://u@/db?host=/cloudsql/project:region:name', [['/cloudsql/project:region:name', 5432]]],
  ['postgres://u@ignored:7/db?host=real', [['real', 7]]],
  ['postgres://u@/db?host=a,b&port=1,2', [['a', 1], ['b', 2]]], // prettier-ignore
  ['postgres://u@/db?host=a,b&port=7', [['a', 7], ['b', 7]]], // prettier-ignore
  ['postgres://u@/db?host=@upfront', [['@upfront', 5432]]],
  ['postgres://u@%2Frun%2Fa,h2:7/db', [['/run/a', 5432], ['h2', 7]]], // prettier-ignore
  ['postgres://u@my_db.internal-1/db', [['my_db.internal-1', 5432]]],
  ['postgres://u@bücher.example/db', [['bücher.example', 5432]]],
])('the hosts of %s', (url, hosts) => {
  expect(parse(url).hosts).toEqual(hosts.map(([host, port]) => ({ host, port })))
})

test.each([
  ['p@ss', 'p@ss'],
  ['p:a:ss', 'p:a:ss'],
  ['p/ss/word', 'p/ss/word'],
  ['p%ss', 'p%ss'],
  ['p%zz%', 'p%zz%'],
  ['p#ss', 'p#ss'],
  ['@:/%#', '@:/%#'],
  ['a@b/c', 'a@b/c'],
  ['a@b:5432/c@d', 'a@b:5432/c@d'],
  ['p[x]', 'p[x]'],
  ['p+s', 'p+s'],
  ['p%40ss', 'p@ss'],
  ['p%3Fss%26', 'p?ss&'],
  ['100%25', '100%'],
  ['100%25%', '100%%'],
  ['%e4%F6', '%e4%F6'],
  ['p%C3%A4ss', 'päss'],
  ['päss', 'päss'],
  ['$ecret!*', '$ecret!*'],
])('the password written %s is %s', (written, password) => {
  const target = parse(`postgres://me:${written}@db:6000/app?sslmode=require`)
  expect(target).toMatchObject({ user: 'me', password, database: 'app', hosts: [{ host: 'db', port: 6000 }] })
})

test('a user name may hold an @, as those of Azure do', () => {
  expect(parse('postgres://me@server:pw@server.example/app')).toMatchObject({ user: 'me@server', password: 'pw' })
  expect(parse('postgres://server.example/app?user=me@server&password=p@w')).toMatchObject({
    user: 'me@server',
    password: 'p@w',
    hosts: [{ host: 'server.example', port: 5432 }],
  })
})

test('an @ in a parameter does not move the host', () => {
  expect(parse('postgres://me:pw@db/app?application_name=a@b').hosts).toEqual([{ host: 'db', port: 5432 }])
  expect(refusal('postgres://me:pw@db/app?aplication_name=a@evil.example')).toContain('did you mean application_name?')
})

test.each([
  ['disable', 'disable'],
  ['allow', 'allow'],
  ['prefer', 'prefer'],
  ['require', 'require'],
  ['verify-full', 'verify-full'],
  ['no-verify', 'require'],
])('sslmode=%s means %s', (written, mode) => {
  expect(parse(`postgres://u@h/db?sslmode=${written}`).tls.mode).toBe(mode)
  expect(parse('postgres://u@h/db', { PGSSLMODE: written }).tls.mode).toBe(mode)
})

test('sslmode=verify-ca needs to be told the authority, as in libpq: any public one would let anybody in', () => {
  expect(parse('postgres://u@h/db?sslmode=verify-ca&sslrootcert=/ca.pem').tls.mode).toBe('verify-ca')
  expect(refusal('postgres://u@h/db?sslmode=verify-ca')).toContain('sslmode=verify-ca needs sslrootcert')
})

test.each([
  ['ssl=true', 'require'],
  ['ssl=false', 'disable'],
  ['ssl=no-verify', 'require'],
  ['sslmode=require&ssl=false', 'require'],
  ['sslmode=disable&sslmode=require', 'require'],
  ['sslmode=require&uselibpqcompat=true', 'require'],
  ['sslrootcert=system', 'verify-full'],
  ['sslrootcert=/ca.pem', 'prefer'],
])('%s means %s', (query, mode) => {
  expect(parse(`postgres://u@h/db?${query}`).tls.mode).toBe(mode)
})

test('verifying without a root certificate leaves it to the store of the system', () => {
  expect(parse('postgres://u@h/db?sslmode=verify-full').tls).toMatchObject({ mode: 'verify-full', rootCert: undefined })
})

test('the TLS parameters are taken over', () => {
  const query = 'sslmode=verify-ca&sslrootcert=/ca.pem&sslcert=/c%20t.pem&sslkey=/key.pem&sslpassword=p%26w'
  expect(parse(`postgres://u@h/db?${query}`).tls).toEqual({
    mode: 'verify-ca',
    rootCert: '/ca.pem',
    cert: '/c t.pem',
    key: '/key.pem',
    keyPassword: 'p&w',
  })
})

test.each([
  ['options=-c%20search_path%3Dx', { options: '-c search_path=x' }],
  ['options=-csearch_path=a+b', { options: '-csearch_path=a+b' }],
  ['connect_timeout=3', { connectTimeoutMs: 3000 }],
  ['connect_timeout=0', { connectTimeoutMs: 0 }],
  ['connect_timeout=-1', { connectTimeoutMs: 0 }],
  ['schema=tenant', { searchPath: ['tenant'] }],
  ['dbname=other', { database: 'other' }],
  ['application_name=x&target_session_attrs=read-write&channel_binding=require', { channelBinding: 'require' }],
  ['channel_binding=disable', { channelBinding: 'disable' }],
  ['require_auth=scram-sha-256', { requireAuth: ['scram-sha-256'] }],
  ['require_auth=md5,%20scram-sha-256', { requireAuth: ['md5', 'scram-sha-256'] }],
  ['require_auth=!password,!md5,!none', { requireAuth: ['scram-sha-256', 'gss', 'sspi', 'oauth'] }],
  ['gssencmode=disable&krbsrvname=x&gsslib=gssapi&gssdelegation=0', {}],
  ['sslmode=require&sslnegotiation=direct&sslsni=0', { tls: { direct: true, sni: false } }],
  ['sslcrl=/crl.pem', { tls: { crl: '/crl.pem' } }],
  ['sslcert=/c.pem&sslkey=/k.pem&sslcertmode=disable', { tls: { cert: undefined, key: undefined } }],
  [
    'ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=tlsv1.3',
    { tls: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } },
  ],
  ['host=h&hostaddr=10.0.0.1&port=7', { hosts: [{ host: 'h', port: 7, address: '10.0.0.1' }] }],
  ['passfile=/run/pass', { passfile: '/run/pass' }],
  ['replication=false&min_protocol_version=3.0&max_protocol_version=latest&load_balance_hosts=random', {}],
  ['pool_max_conns=3&default_query_exec_mode=exec&supa=base-pooler.x&workaround=supabase-pooler.vercel', {}],
  ['options=endpoint%3Dep-x&sslmode=require&channel_binding=require', { options: 'endpoint=ep-x' }],
  ['sslaccept=strict', { tls: { mode: 'verify-full' } }],
  ['sslmode=require&sslaccept=strict', { tls: { mode: 'verify-full' } }],
  ['sslmode=require&sslaccept=accept_invalid_certs&sslidentity=x.p12', { tls: { mode: 'require' } }],
  ['keepalives=1&keepalives_idle=1&keepalives_interval=1&keepalives_count=1', {}],
  ['pgbouncer=true&connection_limit=1&pool_timeout=2&socket_timeout=3&statement_cache_size=0', {}],
  ['&&schema=a&', { searchPath: ['a'] }],
  ['', {}],
])('the parameters %s are understood', (query, expected) => {
  expect(parse(`postgres://u@h/db?${query}`)).toMatchObject({ database: 'db', ...expected })
})

test('a database name is decoded, and may hold a slash or a # as in libpq', () => {
  expect(parse('postgres://u@h/my%20app%40x').database).toBe('my app@x')
  expect(parse('postgres://u@h/a/b#c').database).toBe('a/b#c')
})

test.each([
  ['', 'it is empty'],
  ['   ', 'it is empty'],
  ['"postgres://u:sesame@h/db"', 'begins with a quote'],
  ["'postgres://u:sesame@h/db'", 'begins with a quote'],
  ['host=h user=u password=sesame', 'key=value pairs'],
  ['password = sesame', 'key=value pairs'],
  ['h:5432/sesame', 'does not begin with postgres://'],
  ['postgres:sesame@h/db', 'does not begin with postgres://'],
  ['sesame', 'does not begin with postgres://'],
  ['//u:sesame@h/db', 'does not begin with postgres://'],
  ['mysql://u:sesame@h/db', 'MySQL'],
  ['prisma+postgres://localhost/?api_key=sesame', "Prisma's service"],
  ['prisma://x/?api_key=sesame', "Prisma's service"],
  ['jdbc:postgresql://h/db?password=sesame', 'jdbc:'],
  ['postgresql+asyncpg://u:sesame@h/db', 'Python driver'],
  ['sesame://u:p@h/db', 'its scheme is neither'],
  ['postgres://u:sesame@h/db\n', 'white space'],
  ['postgres://u:sesame@h/db\r', 'white space'],
  [' postgres://u:sesame@h/db', 'white space'],
  ['postgres://u:ses ame@h/db', 'white space'],
  ['postgres://u:sesame@h:99999/db', 'its port is not a number from 1 to 65535'],
  ['postgres://u:sesame@h:0/db', 'its port is not'],
  ['postgres://u:sesame@h:54x2/db', 'its port is not'],
  ['postgres://u:sesame/db', 'its port is not'],
  ['postgres://u:sesame@::1/db', 'its port is not'],
  ['postgres://u:sesame@[::1/db', '[ without its ]'],
  ['postgres://u:sesame@h1,,h2/db', 'one of its hosts is empty'],
  ['postgres://u:sesame@h1,/db', 'one of its hosts is empty'],
  ['postgres://u:sesame@$HOST/db', 'a variable nobody filled in'],
  ['postgres://u:sesame@${HOST}:5432/db', 'a variable nobody filled in'],
  ['postgres://u:sesame@/db', 'it names no host'],
  ['postgres://:sesame@h/db', 'it names no user'],
  ['postgres://h/db', 'it names no user'],
  ['postgres://', 'it names no host'],
  ['postgres://u:sesame@/db?host=a,b,c&port=1,2', 'it has 2 ports for 3 hosts'],
  ['postgres://u:ses%00ame@h/db', '%00'],
  ['postgres://u:sesame@h/db?foo=sesame', 'invalid query parameter "foo"'],
  ['postgres://u:sesame@h/db?sslmod=require', 'invalid query parameter "sslmod", did you mean sslmode?'],
  ['postgres://u:sesame@h/db?search_path=x', 'options=-csearch_path%3Dname'],
  ['postgres://u:sesame@h/db?foo', 'query parameter "foo" has no value'],
  ['postgres://u:p?sesame1@h/db', '%3F'],
  ['postgres://u:a@b?sesame@h/db', '%3F'],
  ['postgres://u:sesame@h/db?sslcrldir=x', '"sslcrldir" is not supported here; name one file by sslcrl'],
  ['postgres://u:sesame@h/db?requirepeer=x', '"requirepeer" is not supported here; protect the directory'],
  ['postgres://u:sesame@h/db?scram_client_key=x', 'not supported here; give the password'],
  ['postgres://u:sesame@h/db?oauth_issuer=x', '"oauth_issuer" is not supported here'],
  ['postgres://u:sesame@h/db?sslkeylogfile=x', '"sslkeylogfile" is not supported here'],
  ['postgres://u:sesame@h/db?gssencmode=require', 'gssencmode=require is not supported'],
  ['postgres://u:sesame@h/db?gssencmode=sesame', 'its gssencmode is not one of disable, prefer, require'],
  ['postgres://u:sesame@h/db?target_session_attrs=standby', 'target_session_attrs=standby is not supported here'],
  ['postgres://u:sesame@h/db?replication=database', 'replication=database is not supported here'],
  ['postgres://u:sesame@h/db?min_protocol_version=3.2', 'min_protocol_version=3.2 is not supported here'],
  ['postgres://u:sesame@h/db?sslcertmode=require', 'sslcertmode=require is not supported here'],
  ['postgres://u:sesame@h/db?channel_binding=sesame', 'its channel_binding is not one of prefer, require, disable'],
  ['postgres://u:sesame@h/db?require_auth=sesame', 'its require_auth has something that is not one of password, md5'],
  ['postgres://u:sesame@h/db?require_auth=md5,!none', 'its require_auth mixes'],
  ['postgres://u:sesame@h/db?sslnegotiation=direct', 'sslnegotiation=direct needs sslmode=require or stronger'],
  ['postgres://u:sesame@h/db?ssl_max_protocol_version=TLSv1.1', 'no version of TLS is between'],
  ['postgres://u:sesame@h/db?ssl_min_protocol_version=SSLv3', 'its ssl_min_protocol_version is not one of TLSv1'],
  ['postgres://u:sesame@h/db?sslaccept=sesame', 'its sslaccept is not one of'],
  ['postgres://u:sesame@h/db?hostaddr=sesame', 'its hostaddr is not an address'],
  ['postgres://u:sesame@h/db?hostaddr=10.0.0.1,10.0.0.2', 'it has 2 hostaddr for 1 host'],
  [`postgres://u:sesame@/db?host=/${'d'.repeat(100)}`, 'its host name is too long for a socket'],
  ['postgres://u:sesame@h/db?sslmode=', 'its sslmode is not one of disable, allow, prefer'],
  ['postgres://u:sesame@h/db?sslmode=sesame', 'its sslmode is not one of'],
  ['postgres://u:sesame@h/db?ssl=sesame', 'its sslmode is not one of'],
  ['postgres://u:sesame@h/db?sslmode=require&sslrootcert=system', 'needs sslmode=verify-full'],
  ['postgres://u:sesame@h/db?sslcert=/c.pem', 'needs sslkey as well'],
  ['postgres://u:sesame@h/db?connect_timeout=1.5', 'its connect_timeout is not a whole number of seconds'],
  ['postgres://u:sesame@h/db?connect_timeout=', 'its connect_timeout is not'],
])('%j is refused with the reason and an example, without showing what it holds', (text, reason) => {
  const problem = refusal(text)
  expect(problem).toContain(reason)
  expect(problem).toContain(connectionExample)
  expect(problem).not.toContain('sesame')
})

test('everything that is wrong with one URL is said together', () => {
  const problem = refusal('postgres://h:99999/db?foo=1&bar=2')
  expect(problem).toContain('"foo"')
  expect(problem).toContain('"bar"')
  const later = refusal('postgres://h:99999/db?sslmode=x')
  expect(later).toContain('names no user')
  expect(later).toContain('port')
  expect(later).toContain('sslmode')
})

test('PG* fill in what the URL leaves out, and only that', () => {
  const pgEnv: PgEnv = {
    PGHOST: 'other',
    PGPORT: '6000',
    PGUSER: 'somebody',
    PGPASSWORD: 'sesame',
    PGDATABASE: 'elsewhere',
    PGSSLMODE: 'verify-ca',
    PGSSLROOTCERT: '/ca.pem',
    PGSSLCERT: '/cert.pem',
    PGSSLKEY: '/key.pem',
    PGOPTIONS: '-c x=y',
    PGCONNECT_TIMEOUT: '4',
  }
  expect(parse('postgres://', pgEnv)).toMatchObject({
    hosts: [{ host: 'other', port: 6000 }],
    user: 'somebody',
    password: 'sesame',
    database: 'elsewhere',
    tls: { mode: 'verify-ca', rootCert: '/ca.pem', cert: '/cert.pem', key: '/key.pem' },
    options: '-c x=y',
    connectTimeoutMs: 4000,
  })
  const url = 'postgres://me:pw@db:7/app?sslmode=disable&options=-cz&connect_timeout=1'
  expect(parse(url, pgEnv)).toMatchObject({
    hosts: [{ host: 'db', port: 7 }],
    user: 'me',
    password: 'pw',
    database: 'app',
    tls: { mode: 'disable' },
    options: '-cz',
    connectTimeoutMs: 1000,
  })
  expect(parse('postgres://db', pgEnv).hosts).toEqual([{ host: 'db', port: 6000 }])
  expect(parse('postgres://:7', pgEnv).hosts).toEqual([{ host: 'other', port: 7 }])
  // As in libpq: once the URL has a port, its other hosts have the default one.
  expect(parse('postgres://a:1,b', pgEnv).hosts).toEqual([{ host: 'a', port: 1 }, { host: 'b', port: 5432 }]) // prettier-ignore
})

test('an empty user or password in the URL counts as left out', () => {
  expect(parse('postgres://:@h/db', { PGUSER: 'me', PGPASSWORD: 'pw' })).toMatchObject({ user: 'me', password: 'pw' })
})

test('PG* alone describe a database', () => {
  expect(targetFromPgEnv({ PGHOST: 'a,b', PGPORT: '1,2', PGUSER: 'me' }, 'PG*')).toMatchObject({
    hosts: [{ host: 'a', port: 1 }, { host: 'b', port: 2 }], // prettier-ignore
    database: 'me',
    source: 'PG*',
  })
})

test.each<[PgEnv, string]>([
  [{ PGHOST: 'h' }, 'PGUSER is not set'],
  [{ PGUSER: 'u', PGDATABASE: 'd' }, 'PGHOST is not set'],
  [{ PGUSER: 'u', PGHOST: 'h', PGPORT: '99999' }, 'PGPORT is not a number'],
  [{ PGUSER: 'u', PGHOST: 'h,i,j', PGPORT: '1,2' }, '2 ports for 3 hosts'],
  [{ PGUSER: 'u', PGHOST: 'postgres://u:sesame@h' }, 'PGHOST is empty or has a character'],
  [{ PGUSER: 'u', PGHOST: 'h', PGSSLMODE: 'sesame' }, 'PGSSLMODE is not one of'],
  [{ PGUSER: 'u', PGHOST: 'h', PGCONNECT_TIMEOUT: '5s' }, 'PGCONNECT_TIMEOUT is not'],
])('%j is refused with the name of what is wrong', (pgEnv, reason) => {
  const problem = targetFromPgEnv(pgEnv, 'PG*')
  expect(problem).toContain(reason)
  expect(problem).not.toContain('sesame')
})

test.each([
  ['postgres://me:p%40s%2fs@db/app', ['p@s/s', 'p%40s%2Fs', 'p%40s%2fs']],
  ['postgres://me:p@s/s@db/app', ['p@s/s', 'p%40s%2Fs']],
  ['postgres://me@db/app?password=s%65same&sslpassword=k%20y', ['sesame', 's%65same', 'k y', 'k%20y']],
  ['postgres://me:pw@db/app', ['pw']],
  ['postgres://me@db/app', []],
  ['postgres://me:postgres@db/app', []],
  ['postgres://me:me@db/app', []],
  ['postgres://me:app@db/app', []],
  ['postgres://me:h2@h1,h2/app', []],
  ['postgres://me:p\uD800w@db/app', ['p\uD800w']],
])('the secrets of %j are every spelling of its passwords, unless they are ordinary words', (url, secrets) => {
  expect(new Set(listSecrets(parse(url), url))).toEqual(new Set(secrets))
})

test('a password from PGPASSWORD is a secret too', () => {
  const url = 'postgres://me@db/app'
  expect(listSecrets(parse(url, { PGPASSWORD: 'ses ame' }), url)).toEqual(['ses ame', 'ses%20ame'])
})
