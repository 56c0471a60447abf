import { setFlagsFromString } from 'node:v8'
import { Failure } from '../errors.ts'
import { onCentral } from '../fleet/central.ts'
import type { Run } from '../run/run.ts'

/** What may stand after `fleet`, and how it is done; each is loaded when it is asked for. */
const commands: Readonly<Record<string, () => Promise<(run: Run) => Promise<number>>>> = {
  up: async () => (await import('./fleet/up.ts')).fleetUp,
  status: async () => (await import('./fleet/status.ts')).fleetStatus,
  plan: async () => (await import('./fleet/plan.ts')).fleetPlan,
  wait: async () => (await import('./fleet/wait.ts')).fleetWait,
  verify: async () => (await import('./fleet/verify.ts')).fleetVerify,
}

const flagsOf: Readonly<Record<string, readonly string[]>> = {
  up: ['only', 'parallel', 'canary', 'max-failed', 'json'],
  status: ['only', 'json', 'exit-code'],
  plan: ['only', 'parallel', 'json'],
  wait: ['only'],
  verify: ['only', 'parallel', 'json'],
}

/** Does for every database or schema of a fleet what the command of that name does for one. */
export async function fleet(run: Run): Promise<number> {
  const [what = 'up'] = run.operands
  if (!Object.hasOwn(commands, what)) {
    const known = Object.keys(commands).map((name) => `fleet ${name}`)
    throw new Failure('USAGE', `there is no command "fleet ${what}"`, { next: `There are: ${known.join(', ')}.` })
  }
  const stray = Object.keys(run.flags).find((flag) => !flagsOf[what]!.includes(flag))
  if (stray !== undefined) {
    const next = `It takes ${flagsOf[what]!.map((flag) => `--${flag}`).join(', ')}.`
    throw new Failure('USAGE', `fleet ${what} has no flag --${stray}`, { next })
  }
  // Its ledger would be looked for among the tables of that tenant, who would be none of the fleet.
  if (run.config.tenant) {
    throw new Failure('USAGE', `UPFRONT_TENANT names one tenant, and fleet ${what} is for all of them`, {
      next: `Leave UPFRONT_TENANT out; for some of them: upfront fleet ${what} --only <name>.`,
    })
  }
  // What a tenant, or its row, leaves behind is young: room for more of it would only grow, to 140 MB with 500 tenants.
  setFlagsFromString('--semi-space-growth-factor=1')
  const execute = await commands[what]!()
  return execute(withParallel(onCentral(run))).catch((error: unknown) => {
    throw error instanceof Failure && error.facts.sqlstate === '3D000' ? noCentral(error) : error
  })
}

/** No command of a fleet creates the central database, whatever UPFRONT_CREATE_DATABASE says; that is for tenants. */
function noCentral(error: Failure): Failure {
  const next =
    'Create the database, or correct its name in DATABASE_URL, or in UPFRONT_FLEET_LEDGER_URL where that is set.'
  return new Failure(error.code, error.message, { ...error.facts, next }, error)
}

function withParallel(run: Run): Run {
  const { parallel } = run.flags
  if (typeof parallel !== 'string') return run
  if (!/^[1-9]\d{0,3}$/.test(parallel))
    throw new Failure('USAGE', `--parallel ${parallel} is no number above 0`, { next: 'Write --parallel 8.' })
  return { ...run, config: { ...run.config, fleet: { ...run.config.fleet, parallel: Number(parallel) } } }
}
