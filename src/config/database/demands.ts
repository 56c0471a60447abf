import { type Given, choose, find } from './pg-env.ts'
import { type AuthMethod, type Target, authMethods } from './target.ts'

/** What a login must be for us to accept it: libpq's channel_binding and require_auth. */
export function makeDemands(given: Given): Pick<Target, 'channelBinding' | 'requireAuth'> {
  const channelBinding = choose(given, 'channel_binding', ['prefer', 'require', 'disable'])
  const { value, whose } = find(given, 'require_auth')
  const requireAuth = value ? parseMethods(value) : undefined
  if (typeof requireAuth !== 'string') return { channelBinding, requireAuth }
  given.problems.push(`${whose} ${requireAuth}`)
  return { channelBinding, requireAuth: undefined }
}

/** The ways that are allowed, of a list of those that are or of those (each with a !) that are not. */
function parseMethods(text: string): readonly AuthMethod[] | string {
  const entries = text.split(',').map((entry) => entry.trim())
  const forbids = entries.map((entry) => entry.startsWith('!'))
  const named = entries.map((entry) => authMethods.find((method) => method === entry.replace(/^!/, '')))
  const methods = named.filter((method) => method !== undefined)
  if (methods.length < named.length) return `has something that is not one of ${authMethods.join(', ')}`
  if (new Set(forbids).size > 1) return 'mixes what must be with what must not be (!)'
  return forbids[0] ? authMethods.filter((method) => !methods.includes(method)) : methods
}
