import type { Problem } from '../errors.ts'
import { type OnRequest, onRequest } from '../schema/description.ts'
import type { Comparing } from '../schema/difference.ts'

const words = Object.keys(onRequest) as OnRequest[]

/** What a comparison of schemas leaves out and takes in; what is no word for that is added to `problems`. */
export function parseComparing(exclude: string | null, also: string | null, problems: Problem[]): Comparing {
  const named = listed(also)
  for (const one of named)
    if (!words.includes(one as OnRequest))
      problems.push({ what: `UPFRONT_VERIFY_ALSO: ${one} is not one of ${words.join(', ')}` })
  return { exclude: listed(exclude), also: words.filter((word) => named.includes(word)) }
}

function listed(text: string | null): string[] {
  return (text ?? '').split(',').flatMap((one) => one.trim() || [])
}
