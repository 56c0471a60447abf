import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * Writes beside each file what V8 makes of it, accepted by this very Node when it runs without flags. The same texts give
 * the same bytes: in a predictable Node the seed of the hashes in them is not another each time, and V8 takes them from it
 * all the same.
 */
export function writeCodeCaches(files: readonly string[]): void {
  execFileSync(process.execPath, ['--predictable', join(import.meta.dirname, 'code-cache.cjs'), ...files])
}
