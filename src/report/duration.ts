/** A duration as people say it: `12 ms`, `1.2 s`, `2 min 5 s`, `1 h 15 min`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.round(durationMs)
  if (ms < 100) return `${ms} ms`
  const tenths = Math.round(ms / 100)
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(ms / 60_000)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
