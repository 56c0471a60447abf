/** Returns the text without secrets. */
export type Redact = (text: string) => string

const mask = '***'

// `"` and `\` end a value, so that what is redacted stays JSON when it was.
// Greedy, because a password may hold an @; bounded, because of the time a hostile text would take.
const userinfo = /(:\/\/[^\s:/@"]*:)[^\s"]{0,1000}@/g
const quotedPassword = /(password\s*=?\s*)'(?:[^'\\"]|\\.|'')*'/gi
const barePassword = /(password\s*=\s*)[^\s&"'\\][^\s&"\\]*/gi

/**
 * Replaces every secret, however encoded, and whatever else looks like a password, by `***`; the list may grow, because
 * credentials are read again.
 */
export function makeRedact(secrets: readonly string[]): Redact {
  const redact = made.get(secrets) ?? makeOwn(secrets)
  made.set(secrets, redact)
  return redact
}

/** One for all who redact by the same list, because a fleet has a hundred thousand secrets. */
const made = new WeakMap<readonly string[], Redact>()

function makeOwn(secrets: readonly string[]): Redact {
  let count = secrets.length
  let known = makeKnown(secrets)
  return (text) => {
    if (secrets.length !== count) [count, known] = [secrets.length, makeKnown(secrets)]
    return known(text)
      .replace(userinfo, `$1${mask}@`)
      .replace(quotedPassword, `$1${mask}`)
      .replace(barePassword, `$1${mask}`)
  }
}

function makeKnown(secrets: readonly string[]): Redact {
  const spellings = new Set<string>()
  for (const secret of secrets) if (secret.trim() !== '') for (const spelling of spell(secret)) spellings.add(spelling)
  if (spellings.size === 0) return (text) => text
  // Longest first: a secret that begins with another one must not leave its tail.
  const sorted = [...spellings].sort((a, b) => b.length - a.length)
  if (sorted.length <= mostInPattern) return byPattern(sorted)
  const short = byPattern(sorted.filter((secret) => secret.length < headLength))
  const long = byHead(sorted.filter((secret) => secret.length >= headLength))
  return (text) => short(long(text))
}

/** A pattern of a hundred thousand words takes more memory than all else of a fleet. */
const mostInPattern = 500
const headLength = 6

function byPattern(sorted: readonly string[]): Redact {
  if (sorted.length === 0) return (text) => text
  const known = new RegExp(sorted.map(pattern).join('|'), 'gu')
  return (text) => text.replace(known, mask)
}

/** The same for many, found by how they begin: there they may have one of a few lengths, and the longest is met first. */
function byHead(sorted: readonly string[]): Redact {
  const known = new Set(sorted)
  const heads = new Map<string, number[]>()
  for (const secret of sorted) {
    const head = secret.slice(0, headLength)
    const lengths = heads.get(head) ?? []
    if (lengths.at(-1) !== secret.length) lengths.push(secret.length)
    heads.set(head, lengths)
  }
  return (text) => {
    let clean = ''
    let from = 0
    for (let at = 0; at + headLength <= text.length;) {
      const met = heads.get(text.slice(at, at + headLength))?.find((length) => known.has(text.slice(at, at + length)))
      if (met !== undefined) clean += text.slice(from, at) + mask
      at += met ?? 1
      if (met !== undefined) from = at
    }
    return clean + text.slice(from)
  }
}

function spell(secret: string): string[] {
  // A lone surrogate has no URL form: encodeURIComponent would throw.
  const url = secret.isWellFormed() ? encodeURIComponent(secret) : secret
  return [secret, JSON.stringify(secret).slice(1, -1), secret.replaceAll("'", "''"), url]
}

function pattern(secret: string): string {
  const literal = secret.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  // The password `app` inside `0001_app_users` is no leak; masking it there would be one.
  return /^\w{1,5}$/.test(secret) ? `(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])` : literal
}
