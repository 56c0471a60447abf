import { basename } from 'node:path'

/** The name of a migration as typed, without its folder and its extension. */
export function bareName(word: string): string {
  return basename(word.replaceAll('\\', '/')).replace(/(\.up|\.down)?\.sql$|\.[cm]?[jt]s$/, '')
}
