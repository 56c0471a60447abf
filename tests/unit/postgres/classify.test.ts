import { expect, test } from 'vitest'
import { classifyConnectError, isConnectionLost, isContention } from '../../../src/postgres/classify.ts'

/** As Postgres says it. */
const server = (code: string, message = 'message', severity = 'FATAL') =>
  Object.assign(new Error(message), { code, severity })
/** As Node says it. */
const system = (code: string, message = `connect ${code} 127.0.0.1:5432`) => Object.assign(new Error(message), { code })
const plain = (message: string) => new Error(message)

const retried = [
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'ENOTCONN',
  'EADDRNOTAVAIL', 'EAI_AGAIN', 'EAI_FAIL', 'ESERVFAIL', 'ENOTFOUND', 'ENOENT',
] // prettier-ignore

test.each(retried)('%s: time can mend it', (code) => {
  expect(classifyConnectError(system(code))).toMatchObject({
    verdict: 'retry',
    code: 'NOT_READY',
    reason: expect.stringContaining(code),
  })
})

test.each(['EACCES', 'EPERM'])('%s: for a short while', (code) => {
  expect(classifyConnectError(system(code))).toMatchObject({ verdict: 'grace', code: 'DENIED' })
})

test.each(
  [
  'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER',
] /* prettier-ignore */,
)('%s: never', (code) => {
  expect(classifyConnectError(system(code, 'certificate'))).toMatchObject({
    verdict: 'fatal',
    code: 'DENIED',
    next: expect.stringContaining('sslrootcert'),
  })
})

test.each([
  ['the server does not support TLS', 'fatal', 'DENIED'],
  ['The server does not support SSL connections', 'fatal', 'DENIED'],
  ['There was an error establishing an SSL connection', 'retry', 'NOT_READY'],
  ['Connection terminated unexpectedly', 'retry', 'NOT_READY'],
  ['timeout expired', 'retry', 'NOT_READY'],
  ['no answer within 5.0 s', 'retry', 'NOT_READY'],
  ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'fatal', 'USAGE'],
  ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string', 'fatal', 'USAGE'],
  ['SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match', 'fatal', 'DENIED'],
])('"%s": %s, %s', (message, verdict, code) => {
  expect(classifyConnectError(plain(message))).toMatchObject({ verdict, code })
})

test.each([
  ['57P03', 'the database system is starting up', 'retry', 'NOT_READY'],
  ['57P01', 'terminating connection due to administrator command', 'retry', 'NOT_READY'],
  ['57P02', 'terminating connection because of crash of another server process', 'retry', 'NOT_READY'],
  ['57P05', 'terminating connection due to idle-session timeout', 'retry', 'NOT_READY'],
  ['57P04', 'database was dropped', 'fatal', 'DENIED'],
  ['53300', 'sorry, too many clients already', 'retry', 'NOT_READY'],
  ['57014', 'canceling statement due to statement timeout', 'retry', 'NOT_READY'],
  ['55P03', 'canceling statement due to lock timeout', 'retry', 'NOT_READY'],
  ['53100', 'disk full', 'retry', 'NOT_READY'],
  ['53200', 'out of memory', 'retry', 'NOT_READY'],
  ['53400', 'configuration limit exceeded', 'fatal', 'DENIED'],
  ['08000', 'connection exception', 'retry', 'NOT_READY'],
  ['08001', 'x', 'retry', 'NOT_READY'],
  ['08003', 'x', 'retry', 'NOT_READY'],
  ['08004', 'x', 'retry', 'NOT_READY'],
  ['08006', 'x', 'retry', 'NOT_READY'],
  ['08007', 'x', 'retry', 'NOT_READY'],
  ['08P01', 'server login has been failing, try again later', 'retry', 'NOT_READY'],
  ['08P01', 'query_wait_timeout', 'retry', 'NOT_READY'],
  ['08P01', 'unsupported startup parameter: options', 'fatal', 'UNSAFE'],
  ['08P01', 'transaction blocks not allowed in statement pooling mode', 'fatal', 'UNSAFE'],
  ['08P01', 'bouncer config error', 'fatal', 'DENIED'],
  ['08P01', 'no such database: app', 'fatal', 'DENIED'],
  ['08P01', 'no such user: app', 'fatal', 'DENIED'],
  ['28P01', 'password authentication failed for user "app"', 'grace', 'DENIED'],
  ['28000', 'role "app" is not permitted to log in', 'grace', 'DENIED'],
  ['28000', 'no pg_hba.conf entry for host "1.2.3.4", user "a", database "b", no encryption', 'fatal', 'DENIED'],
  ['3D000', 'database "app" does not exist', 'grace', 'DENIED'],
  ['42501', 'permission denied for database "app"', 'fatal', 'DENIED'],
  ['55000', 'database "app" is not currently accepting connections', 'fatal', 'DENIED'],
  ['25006', 'cannot execute in a read-only transaction', 'retry', 'NOT_READY'],
  ['XX000', "Couldn't connect to compute node", 'retry', 'NOT_READY'],
  ['XX000', 'Control plane request failed', 'retry', 'NOT_READY'],
  ['XX000', 'timed out while waiting for endpoint', 'retry', 'NOT_READY'],
  ['XX000', 'something else', 'fatal', 'DENIED'],
  ['58030', 'could not read file', 'fatal', 'DENIED'],
])('%s "%s": %s, %s', (sqlstate, message, verdict, code) => {
  expect(classifyConnectError(server(sqlstate, message))).toMatchObject({ verdict, code, sqlstate, reason: message })
})

test('several addresses: the most hopeful error decides, and there is always a reason', () => {
  const both = new AggregateError([system('ECONNREFUSED', 'connect ECONNREFUSED ::1:5432'), system('EACCES')], '')
  expect(classifyConnectError(both)).toMatchObject({ verdict: 'retry', reason: 'connect ECONNREFUSED ::1:5432' })
  expect(classifyConnectError(new AggregateError([system('EACCES')], ''))).toMatchObject({
    verdict: 'grace',
    code: 'DENIED',
  })
  expect(classifyConnectError(new AggregateError([], '')).reason).not.toBe('')
})

test('what a message says is not told apart by its code alone', () => {
  // A system error with five capital letters is no SQLSTATE.
  expect(classifyConnectError(system('EPIPE'))).not.toHaveProperty('sqlstate')
})

test.each([
  [server('57P01'), true],
  [server('57P02'), true],
  [server('57P05'), true],
  [server('08006', 'x', 'ERROR'), true],
  [server('08007', 'x', 'ERROR'), true],
  [server('40003', 'x', 'ERROR'), true],
  [server('25P03', 'terminating connection due to idle-in-transaction timeout'), false],
  [server('22012', 'division by zero', 'ERROR'), false],
  [server('P0001', 'Connection terminated unexpectedly', 'ERROR'), false],
  [server('57014', 'canceling statement due to user request', 'ERROR'), false],
  [system('ECONNRESET'), true],
  [system('EPIPE'), true],
  [system('ETIMEDOUT'), true],
  [system('EHOSTUNREACH'), true],
  [plain('Connection terminated unexpectedly'), true],
  [plain('Connection terminated'), true],
  [plain('Client has encountered a connection error and is not queryable'), true],
  [plain('Client was closed and is not queryable'), true],
  [plain('something else'), false],
])('%s: the connection is gone: %s', (error, lost) => {
  expect(isConnectionLost(error)).toBe(lost)
})

test.each([
  [server('55P03', 'canceling statement due to lock timeout', 'ERROR'), true],
  [server('40P01', 'deadlock detected', 'ERROR'), true],
  [server('40001', 'could not serialize access', 'ERROR'), true],
  [server('XX000', 'tuple concurrently updated', 'ERROR'), true],
  [server('XX000', 'cache lookup failed', 'ERROR'), false],
  [server('57014', 'canceling statement due to statement timeout', 'ERROR'), false],
  [server('23505', 'duplicate key', 'ERROR'), false],
  [plain('Connection terminated unexpectedly'), false],
])('%s: trying again may help: %s', (error, contention) => {
  expect(isContention(error)).toBe(contention)
})
