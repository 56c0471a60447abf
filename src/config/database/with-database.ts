import { databaseNames } from '../settings.ts'
import { type Target, isUnixSocket } from './target.ts'

/**
 * The connection string of another database of the same server: the one that was given, with another name in it, or one
 * that says what a target says, where none was given.
 */
export function urlOfDatabase(text: string | undefined, target: Target, database: string): string {
  return text === undefined ? fromTarget(target, database) : exchangeDatabase(text, database)
}

/** The connection string among these variables, when one is there as it is. */
export function findUrl(variables: Readonly<Record<string, string | undefined>>): string | undefined {
  return databaseNames.map((name) => variables[name]).find((text) => text !== undefined && text !== '')
}

/** Keeps all that a driver may know and we do not. */
function exchangeDatabase(text: string, database: string): string {
  const question = text.indexOf('?')
  const head = question < 0 ? text : text.slice(0, question)
  const begin = head.indexOf('://') + 3
  const slash = head.indexOf('/', Math.max(head.lastIndexOf('@') + 1, begin))
  const parameters = question < 0 ? [] : text.slice(question + 1).split('&')
  const kept = parameters.filter((parameter) => !/^dbname(=|$)/.test(parameter))
  const tail = kept.length === 0 ? '' : `?${kept.join('&')}`
  return `${slash < 0 ? head : head.slice(0, slash)}/${encodeURIComponent(database)}${tail}`
}

function fromTarget({ hosts, user, password, tls, options }: Target, database: string): string {
  const login = `${encodeURIComponent(user)}${password === undefined ? '' : `:${encodeURIComponent(password)}`}`
  const isSocket = hosts.some(({ host }) => isUnixSocket(host))
  const at = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
  const parameters = Object.entries({
    ...(isSocket
      ? { host: hosts.map(({ host }) => host).join(','), port: hosts.map(({ port }) => port).join(',') }
      : {}),
    ...(tls.mode === 'prefer' ? {} : { sslmode: tls.mode }),
    sslrootcert: tls.rootCert,
    sslcert: tls.cert,
    sslkey: tls.key,
    options,
  })
  const given = parameters.flatMap(([name, value]) => (value ? [`${name}=${encodeURIComponent(value)}`] : []))
  const tail = given.length === 0 ? '' : `?${given.join('&')}`
  return `postgres://${login}@${isSocket ? '' : at.join(',')}/${encodeURIComponent(database)}${tail}`
}
