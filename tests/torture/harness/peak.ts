import { readFileSync } from 'node:fs'

/** Watches the most memory that a process has had at once, in MB; stop answers it. Only Linux tells. */
export function watchPeak(pid: number): { stop(): number } {
  let peakMb = 0
  const look = () => {
    try {
      const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
      if (kib !== undefined) peakMb = Math.max(peakMb, Number(kib) / 1024)
    } catch {
      // It has ended.
    }
  }
  const timer = setInterval(look, 20)
  return {
    stop: () => {
      clearInterval(timer)
      return peakMb
    },
  }
}
