import type { Command } from './run.ts'
import { up } from './up.ts'

/** Every command; the first is what runs when none is named, and the order is that of the help. */
export const commands: Readonly<Record<string, Command>> = {
  up: {
    summary: 'wait, lock, apply what is pending, seed, leave (default)',
    aliases: ['migrate', 'deploy'],
    database: true,
    // Not lazy: what nearly every start needs is one file with the rest.
    load: async () => up,
  },
  status: {
    summary: 'what is applied, what is pending, what does not match',
    flags: {
      json: { summary: 'as data' },
      'exit-code': { summary: 'leave with 34 when something is pending, 21 when history and files disagree' },
    },
    database: true,
    load: async () => (await import('./status.ts')).status,
  },
  baseline: {
    summary: 'record migrations as applied without running them',
    flags: { to: { value: 'name', summary: 'the last one to record; without it every one' } },
    database: true,
    load: async () => (await import('./baseline.ts')).baseline,
  },
  help: { summary: 'this text', database: false, load: async () => (await import('./help.ts')).help },
  version: { summary: 'the version', database: false, load: async () => (await import('./version.ts')).printVersion },
}
