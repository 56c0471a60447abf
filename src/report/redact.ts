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
  let count = secrets.length
  let known = makeKnown(secrets)
  return (text) => {
    if (secrets.length !== count) [count, known] = [secrets.length, makeKnown(secrets)]
    return (known === undefined ? text : text.replace(known, mask))
      .replace(userinfo, `$1${mask}@`)
      .replace(quotedPassword, `$1${mask}`)
      .replace(barePassword, `$1${mask}`)
  }
}

function makeKnown(secrets: readonly string[]): RegExp | undefined {
  const spellings = new Set(secrets.filter((secret) => secret.trim() !== '').flatMap(spell))
  if (spellings.size === 0) return undefined
  // Longest first: a secret that begins with another one must not leave its tail.
  const sorted = [...spellings].sort((a, b) => b.length - a.length)
  return new RegExp(sorted.map(pattern).join('|'), 'gu')
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
