import { readFileSync } from 'node:fs'

/** Whether a process is there and not over. */
export function isRunning(pid: number): boolean {
  try {
    // An orphan may stay a zombie where process 1 collects none, as in many containers; it has no command line.
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
