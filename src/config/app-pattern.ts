/** How an application calls its sessions: what stands before and behind the version in its application_name. */
export interface AppPattern {
  readonly before: string
  readonly after: string
}

const placeholder = '{version}'
/** Postgres keeps 63 bytes of a name. */
const longest = 63

/** Patterns with commas between them, each with the placeholder once; or what is wrong with the text. */
export function parseAppPatterns(text: string): readonly AppPattern[] | string {
  const patterns: AppPattern[] = []
  for (const one of text.split(',').map((part) => part.trim())) {
    const [before = '', after, ...more] = one.split(placeholder)
    if (after === undefined || more.length > 0)
      return `has ${placeholder} ${more.length > 0 ? 'more than once' : 'nowhere'} in ${JSON.stringify(one)}; expected it once, as in shop/${placeholder}`
    if (/[^ -~]/.test(one)) return 'has a character that is not ASCII, which Postgres keeps in no application_name'
    if (before.length >= longest)
      return `has ${before.length} bytes before the version, and Postgres keeps 63 of a name`
    if (before === '') return `begins with the version, so that every session might be one; expected a name before it`
    patterns.push({ before, after })
  }
  // shop/worker/{version} is told from shop/{version}.
  return patterns.sort((a, b) => b.before.length - a.before.length)
}

/** The version that an application_name says; undefined for a session of somebody else, null for one that was cut off. */
export function versionIn(name: string, patterns: readonly AppPattern[]): string | null | undefined {
  for (const { before, after } of patterns) {
    if (!name.startsWith(before)) continue
    // What is behind the cut may be more digits of the version.
    if (name.length >= longest) return null
    if (!name.endsWith(after) || name.length < before.length + after.length) continue
    return name.slice(before.length, name.length - after.length)
  }
  return undefined
}
