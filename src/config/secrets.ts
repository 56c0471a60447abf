import { percentDecode } from './database/parameters.ts'
import type { Target } from './database/target.ts'

/** Every way in which the passwords of a target may be spelled; `text` is the connection string it was made from. */
export function listSecrets(target: Target, text: string | undefined): readonly string[] {
  // Redacting these words would make a log unreadable, and they are no secret anyway.
  const plain = new Set(['', 'postgres', target.user, target.database, ...target.hosts.map(({ host }) => host)])
  const secrets = new Set<string>()
  for (const secret of [target.password, target.tls.keyPassword]) {
    if (secret === undefined || plain.has(secret)) continue
    secrets.add(secret).add(encode(secret))
    for (const spelling of spellings(text ?? '', secret)) secrets.add(spelling)
  }
  return [...secrets]
}

/** The secret as the connection string writes it, which may encode more or less than it must. */
function spellings(text: string, secret: string): string[] {
  const question = text.indexOf('?')
  const head = text.slice(0, question < 0 ? undefined : question)
  const inLogin = head.slice(head.indexOf(':', head.indexOf('://') + 3) + 1, Math.max(0, head.lastIndexOf('@')))
  const inQuery =
    question < 0
      ? []
      : text
          .slice(question + 1)
          .split('&')
          .map((pair) => pair.slice(pair.indexOf('=') + 1))
  return [inLogin, ...inQuery].filter((spelling) => percentDecode(spelling) === secret)
}

function encode(secret: string): string {
  try {
    return encodeURIComponent(secret)
  } catch {
    return secret // A lone surrogate has no encoding.
  }
}
