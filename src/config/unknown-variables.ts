import type { Problem } from '../errors.ts'
import type { Layer } from './layers.ts'
import { editDistance, nearest } from './nearest.ts'
import { placeholderPrefix } from './placeholders.ts'
import { databaseNames, imageName, ledgerName, settingNames, shadowName, testName } from './settings.ts'

const ours: readonly string[] = [...settingNames, ...databaseNames, shadowName, ledgerName]
const known: ReadonlySet<string> = new Set([imageName, testName, ...ours, ...ours.map((name) => `${name}_FILE`)])

/** What Kubernetes sets in every container for a Service called upfront or upfront-anything. */
const injected = /^UPFRONT_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/** Finds the variables that look like ours and are not: nearly ours is a problem, any other UPFRONT_* a warning. */
export function judgeUnknownVariables(layer: Layer, problems: Problem[], warnings: string[]): void {
  for (const [name, value] of Object.entries(layer.variables)) {
    if (
      !/^U\w{3,9}_/.test(name) ||
      known.has(name) ||
      injected.test(name) ||
      name.startsWith(placeholderPrefix) ||
      value === '' ||
      value === undefined
    )
      continue
    const meant = nearestSetting(name)
    if (meant !== undefined) {
      problems.push({ what: `${name}${layer.label}: is not a setting; did you mean ${meant}?` })
    } else if (name.startsWith('UPFRONT_')) {
      warnings.push(`${name}${layer.label} is not a setting of this version, so it is ignored`)
    }
  }
}

function nearestSetting(name: string): string | undefined {
  const meant = nearest(name, known)
  if (meant === undefined || meant === imageName) return undefined
  // SEED and ENV are so short that two wrong letters make another word.
  const short = meant.slice('UPFRONT_'.length).replace(/_FILE$/, '').length <= 4
  return short && editDistance(name, meant) > 1 ? undefined : meant
}
