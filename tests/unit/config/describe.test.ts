import { readFileSync } from 'node:fs'

import { parse } from 'dotenv'
import { expect, test } from 'vitest'

import { renderEnvExample, renderFlagsHelp, renderSettingsTable } from '../../../src/config/describe.ts'
import { databaseNames, defaultOf, flagOf, settingNames, settings, shadowName } from '../../../src/config/settings.ts'
import type { Setting } from '../../../src/config/setting.ts'
import { parseSetting } from '../../../src/config/values.ts'

test('.env.example is what the table of settings says (npm run docs writes it)', () => {
  expect(readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8')).toBe(renderEnvExample())
})

test('.env.example, uncommented, sets every setting to its default', () => {
  const uncommented = renderEnvExample().replaceAll(/^# (?=[A-Z_]+=)/gm, '')
  const defaults = settingNames.map((name) => [name, defaultOf(name, false) ?? ''])
  const databases = [...databaseNames, shadowName].map((name) => [name, expect.stringContaining('postgres://')])
  expect(parse(uncommented)).toEqual(Object.fromEntries([...databases, ...defaults]))
})

test('.env.example as it is sets nothing', () => {
  expect(parse(renderEnvExample())).toEqual({})
})

test('the table and the help have one line for every setting', () => {
  const rows = renderSettingsTable().trimEnd().split('\n').slice(2)
  const lines = renderFlagsHelp().trimEnd().split('\n')
  expect(rows).toHaveLength(settingNames.length)
  expect(lines).toHaveLength(settingNames.length)
  for (const [index, name] of settingNames.entries()) {
    expect(rows[index]).toContain(`| \`${name}\` `)
    expect(lines[index]).toMatch(new RegExp(`^--${flagOf(name)} .*\\[.+\\]$`))
  }
})

test.each(settingNames)('the default of %s is a right value of it, and its meaning is one line', (name) => {
  const setting: Setting = settings[name]
  expect(setting.meaning).toMatch(/^[^\n|<>]+$/)
  for (const text of [setting.default, setting.outsideImage].filter((value) => value != null)) {
    expect(parseSetting(name, text)).toHaveProperty('value')
  }
  expect(setting.kind === 'enum').toBe(setting.choices !== undefined)
})

test('nothing that may hold a password has a flag', () => {
  expect(settingNames.filter((name) => /URL|PASSWORD/.test(name))).toEqual([])
})
