const shape = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,3})?)s)?(?:(\d+)ms)?$/

/** What a duration looks like, for messages. */
export const durationExample = '500ms, 30s, 5m, 1h or 0'

// Timers of Node and timeouts of Postgres are 32 bits of milliseconds; a longer timer would fire at once.
const longestMs = 2 ** 31 - 1

/** The milliseconds of `30s`, `5m`, `500ms`, `1h30m` or `0`; a string says what is wrong with the text. */
export function parseDuration(text: string): number | string {
  if (text === '0') return 0
  if (/^\d+(\.\d+)?$/.test(text)) return `has no unit, did you mean ${text}s?`
  const parts = text === '' ? null : shape.exec(text)
  if (parts === null) return 'is not a duration'
  const [hours, minutes, seconds, milliseconds] = parts.slice(1).map((part) => Number(part ?? 0))
  const total = Math.round(hours! * 3_600_000 + minutes! * 60_000 + seconds! * 1000 + milliseconds!)
  return total > longestMs ? 'is longer than 596h, the longest there is' : total
}
