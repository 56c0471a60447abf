import { resolve } from 'node:path'

import { Failure } from '../errors.ts'
import type { Problem } from '../errors.ts'
import type { Io } from '../io.ts'
import { parseAppPatterns } from './app-pattern.ts'
import type { Config } from './config.ts'
import { chooseDatabase, readOther } from './database/database.ts'
import { tenantSearchPath } from './database/target.ts'
import { readDotenv } from './dotenv.ts'
import { parseComparing } from './comparing.ts'
import { readFleet } from './fleet.ts'
import { parseHistoryColumn } from './history-column.ts'
import { isSet, readVariable } from './layers.ts'
import type { Layer } from './layers.ts'
import { nearest } from './nearest.ts'
import { readPlaceholders } from './placeholders.ts'
import { defaultOf, flagOf, imageName, ledgerName, settingNames, settings, shadowName } from './settings.ts'
import type { Defaults, SettingName, SettingValue } from './settings.ts'
import { judgeUnknownVariables } from './unknown-variables.ts'
import { parseSetting } from './values.ts'

/** What is asked of the configuration; without `dotenv` as with it. */
export interface Needs {
  /** `if named`: a configuration that names none is right all the same. */
  readonly database: boolean | 'if named'
  readonly dotenv?: boolean
  readonly defaults?: Defaults
}

/**
 * Makes the configuration of a run; flags (by name without dashes) beat the environment, which beats `.env`. Everything
 * that is wrong is thrown at once, as one USAGE failure with a problem for each.
 */
export async function loadConfig(io: Io, flags: Readonly<Record<string, string>>, needs: Needs): Promise<Config> {
  const problems: Problem[] = []
  const warnings: string[] = []
  const environment: Layer = { label: '', variables: io.env, cwd: io.cwd }
  const layers = needs.dotenv === false ? [environment] : [environment, await readDotenv(io.cwd, problems)]

  refuseUnknownFlags(flags, problems)
  for (const layer of layers) judgeUnknownVariables(layer, problems, warnings)
  const fallback = (name: SettingName) => needs.defaults?.[name] ?? defaultOf(name, isSet(environment, imageName))
  const read = makeReader(layers, flags, fallback, problems)
  const parsed = readSettings(read, io.cwd)
  const spread = readFleet(read, io.env['JOB_COMPLETION_INDEX'], problems)
  const unnamed: Problem[] = []
  const database = needs.database ? await chooseDatabase(layers, { problems, warnings, unnamed }) : null
  if (needs.database === true) problems.push(...unnamed)
  const shadow = await readOther(layers, shadowName, { problems, warnings })
  const ledger = await readOther(layers, ledgerName, { problems, warnings })
  const role = read('UPFRONT_ROLE') ?? undefined
  const placeholders = readPlaceholders(layers, problems)
  const comparing = parseComparing(read('UPFRONT_VERIFY_EXCLUDE'), read('UPFRONT_VERIFY_ALSO'), problems)

  if (problems.length > 0) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
    throw new Failure('USAGE', `the configuration has ${count}`, { problems })
  }
  const ofTenant = parsed.tenant ? { searchPath: tenantSearchPath(parsed.schema) } : {}
  const target = database && { ...database.target, ...(role === undefined ? {} : { role }), ...ofTenant }
  const named = { target, unnamed: unnamed[0]?.what ?? null, shadow: shadow?.target ?? null }
  const fleet = { ...spread, ledger: ledger?.target ?? null }
  const frozen = deepFreeze({ ...named, ...parsed, fleet, placeholders, comparing, warnings })
  // Grows with every credential that is read again.
  const secrets = database?.secrets ?? []
  for (const other of [shadow, ledger]) secrets.push(...(other?.secrets ?? []))
  return Object.freeze({ ...frozen, secrets })
}

type NoSettings = 'fleet' | 'target' | 'unnamed' | 'shadow' | 'comparing' | 'placeholders' | 'secrets' | 'warnings'

function readSettings(read: Reader, cwd: string): Omit<Config, NoSettings> {
  const adopt = read('UPFRONT_ADOPT')
  const [tenant, own] = [read('UPFRONT_TENANT'), read('UPFRONT_SCHEMA')]
  const patterns = parseAppPatterns(read('UPFRONT_APP_PATTERN') ?? '')
  return {
    migrationsDir: resolve(cwd, read('UPFRONT_MIGRATIONS_DIR')),
    seedsDir: resolve(cwd, read('UPFRONT_SEEDS_DIR')),
    seed: read('UPFRONT_SEED'),
    environment: read('UPFRONT_ENV'),
    format: read('UPFRONT_FORMAT'),
    writeBack: read('UPFRONT_WRITE_BACK'),
    adopt: adopt === null ? null : parseHistoryColumn(adopt),
    schema: tenant ?? own,
    tenant: tenant !== null,
    leaseSchema: own,
    waitTimeoutMs: read('UPFRONT_WAIT_TIMEOUT'),
    authGraceMs: read('UPFRONT_AUTH_GRACE'),
    lockWaitMs: read('UPFRONT_LOCK_WAIT'),
    lockTimeoutMs: read('UPFRONT_LOCK_TIMEOUT'),
    lockRetryMs: read('UPFRONT_LOCK_RETRY'),
    statementTimeoutMs: read('UPFRONT_STATEMENT_TIMEOUT'),
    deadlineMs: read('UPFRONT_DEADLINE'),
    outOfOrder: read('UPFRONT_OUT_OF_ORDER'),
    missing: read('UPFRONT_MISSING'),
    invalidIndexes: read('UPFRONT_INVALID_INDEXES'),
    appVersion: read('UPFRONT_APP_VERSION'),
    // What is wrong with it is told by the rule of its text.
    appPatterns: typeof patterns === 'string' ? [] : patterns,
    leaseTtlMs: read('UPFRONT_LEASE_TTL'),
    contractGraceMs: read('UPFRONT_CONTRACT_GRACE'),
    createDatabase: read('UPFRONT_CREATE_DATABASE'),
    contract: read('UPFRONT_CONTRACT'),
    verify: read('UPFRONT_VERIFY'),
    logFormat: read('UPFRONT_LOG_FORMAT'),
    logLevel: read('UPFRONT_LOG_LEVEL'),
    logDetail: read('UPFRONT_LOG_DETAIL'),
    terminationLog: resolve(cwd, read('UPFRONT_TERMINATION_LOG')),
  }
}

type Reader = <Name extends SettingName>(name: Name) => SettingValue<Name>

/** A setting that has a problem reads as its default, so that the problems after it are found too. */
function makeReader(
  layers: readonly Layer[],
  flags: Readonly<Record<string, string>>,
  defaultFor: (name: SettingName) => string | null,
  problems: Problem[],
): Reader {
  return <Name extends SettingName>(name: Name) => {
    const found = readFlag(flags, name, problems) ?? readFirst(layers, name, problems)
    if (found !== undefined) {
      const parsed = parseSetting(name, found.value)
      if ('value' in parsed) return parsed.value as SettingValue<Name>
      problems.push({ what: `${found.source}: ${parsed.problem}` })
    }
    const fallback = defaultFor(name)
    if (fallback === null) return null as SettingValue<Name>
    const parsed = parseSetting(name, fallback)
    if ('problem' in parsed) throw new Error(`the default of ${name}: ${parsed.problem}`)
    return parsed.value as SettingValue<Name>
  }
}

function readFirst(layers: readonly Layer[], name: SettingName, problems: Problem[]) {
  const layer = layers.find((candidate) => isSet(candidate, name))
  return layer === undefined ? undefined : readVariable(layer, name, problems)
}

function readFlag(flags: Readonly<Record<string, string>>, name: SettingName, problems: Problem[]) {
  const value = Object.hasOwn(flags, flagOf(name)) ? flags[flagOf(name)] : undefined
  const source = `--${flagOf(name)}`
  // Unlike an empty variable, an empty flag was typed by somebody, who must have meant something.
  if (value === '') problems.push({ what: `${source}: is empty; expected ${describeKind(name)}` })
  return value === undefined || value === '' ? undefined : { value, source }
}

function describeKind(name: SettingName): string {
  const setting = settings[name]
  return 'choices' in setting ? setting.choices.join(' or ') : `a ${setting.kind}`
}

function refuseUnknownFlags(flags: Readonly<Record<string, string>>, problems: Problem[]): void {
  const known = settingNames.map(flagOf)
  for (const flag of Object.keys(flags)) {
    if (known.includes(flag)) continue
    const meant = nearest(flag, known)
    const hint = meant === undefined ? 'expected one of the flags that --help lists' : `did you mean --${meant}?`
    problems.push({ what: `--${flag}: is not a setting; ${hint}` })
  }
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
