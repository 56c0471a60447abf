import { parseAppPatterns } from './app-pattern.ts'
import { durationExample, parseDuration } from './duration.ts'
import { parseHistoryColumn } from './history-column.ts'
import { nearest } from './nearest.ts'
import { settings } from './settings.ts'
import type { Setting } from './setting.ts'
import type { SettingName } from './settings.ts'

/** What a text was understood as, or what is wrong with it and what is expected. */
export type ParsedSetting = { readonly value: string | number | boolean } | { readonly problem: string }

const booleans: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
}

/** What a setting must be beyond its kind; a string says what is wrong and what is expected. */
const rules: Partial<Record<SettingName, (text: string) => string | undefined>> = {
  UPFRONT_SEED: (text) =>
    /[/\\]/.test(text) || /^\.+$/.test(text) ? 'is not a plain folder name; expected one such as demo' : undefined,
  UPFRONT_ADOPT: (text) =>
    parseHistoryColumn(text) === null ? 'is no column; expected schema.table.column or table.column' : undefined,
  UPFRONT_SCHEMA: refuseSchema,
  UPFRONT_TENANT: (text) =>
    text === '$user'
      ? 'is the user that logs in where a search_path names it; expected another name'
      : refuseSchema(text),
  UPFRONT_ROLE: refuseLong,
  UPFRONT_FLEET_SCHEMAS: (text) =>
    text.split(',').some((one) => one.trim() === '')
      ? 'has a comma too many; expected one such as tenant_*'
      : undefined,
  UPFRONT_APP_PATTERN: (text) => {
    const parsed = parseAppPatterns(text)
    return typeof parsed === 'string' ? parsed : undefined
  },
  UPFRONT_LEASE_TTL: (text) =>
    Number(parseDuration(text)) < shortestLeaseMs ? 'is too short for a lease; expected 1s or more' : undefined,
}

const shortestLeaseMs = 1_000

/** A query may well have lines, such as a block of YAML with its newline at the end. */
const isSql: ReadonlySet<SettingName> = new Set(['UPFRONT_FLEET_QUERY'])

/** Reads the text of one setting; it never throws, and a problem never shows what may be a connection string. */
export function parseSetting(name: SettingName, text: string): ParsedSetting {
  const setting: Setting = settings[name]
  const refuse = (reason: string): ParsedSetting => ({ problem: `${quote(text)} ${reason}` })
  switch (setting.kind) {
    case 'duration': {
      const duration = parseDuration(text)
      const tooShort = typeof duration === 'number' ? rules[name]?.(text) : undefined
      if (tooShort !== undefined) return refuse(tooShort)
      if (typeof duration === 'number') return { value: duration }
      return refuse(
        `${duration}${duration.endsWith('?') ? ' Expected' : '; expected'} a duration like ${durationExample}`,
      )
    }
    case 'number': {
      const number = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0
      return number > 0 ? { value: number } : refuse('is no whole number above 0; expected one such as 20')
    }
    case 'boolean': {
      const value = booleans[text.toLowerCase()]
      return value === undefined ? refuse('is neither true nor false; expected one of these') : { value }
    }
    case 'enum': {
      const choices = setting.choices ?? []
      if (choices.includes(text)) return { value: text }
      const meant = nearest(text, choices)
      return refuse(`is not one of ${choices.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`)
    }
    case 'text':
    case 'path': {
      const line = isSql.has(name) ? text.trim().replace(/[\t\r\n]/g, ' ') : text
      const odd = line.trim() !== line || /[^ -~\u00a0-\uffff]/.test(line)
      const reason = odd ? 'has white space around it or a control character in it; expected a plain text' : undefined
      const problem = reason ?? rules[name]?.(text)
      return problem === undefined ? { value: text } : refuse(problem)
    }
  }
}

function refuseLong(text: string): string | undefined {
  const bytes = Buffer.byteLength(text)
  return bytes > 63 ? `has ${bytes} bytes; expected at most 63, because Postgres would cut the rest off` : undefined
}

function refuseSchema(text: string): string | undefined {
  const long = refuseLong(text)
  if (long !== undefined) return long
  const reserved = text.startsWith('pg_') || text === 'information_schema'
  return reserved ? "is a name reserved for Postgres' own schemas; expected another, such as upfront" : undefined
}

function quote(text: string): string {
  return text.includes('://') || text.length > 80 ? 'its value (not shown)' : JSON.stringify(text)
}
