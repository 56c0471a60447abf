import { consentFlag } from '../run/consent.ts'
import type { Command } from '../run/run.ts'
import { up } from './up.ts'

/** Every command; the first is what runs when none is named, and the order is that of the help. */
export const commands: Readonly<Record<string, Command>> = {
  up: {
    summary: 'wait, lock, apply what is pending, seed, leave (default)',
    aliases: ['migrate', 'deploy'],
    flags: {
      to: { value: 'name', summary: 'the last one to apply; seeds wait until nothing is left' },
      'dry-run': { summary: 'the same as plan' },
      json: { summary: 'with --dry-run: as data' },
    },
    database: true,
    // Not lazy, because nearly every start needs it.
    load: async () => up,
  },
  contract: {
    summary: 'up, and the contract migrations too, once nothing older is left that uses what they take away',
    flags: {
      to: { value: 'name', summary: 'the last one to apply' },
      'without-evidence': {
        summary: 'although nothing tells whether something older lives; what is seen still counts',
      },
    },
    database: true,
    load: async () => (await import('./contract.ts')).contract,
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
  doctor: {
    summary: 'look at folder and database: what up would do or stop at, and what to do; only reads',
    flags: { json: { summary: 'as data' } },
    database: 'if named',
    // Who asks sits in front of it.
    defaults: { UPFRONT_WAIT_TIMEOUT: '5s', UPFRONT_AUTH_GRACE: '1s' },
    load: async () => (await import('./doctor.ts')).doctor,
  },
  baseline: {
    summary: 'record migrations as applied without running them',
    flags: {
      to: { value: 'name', summary: 'the last one to record; without it every one' },
      'against-catalog': { summary: 'although the schema is not the one that they leave' },
    },
    database: true,
    load: async () => (await import('./baseline.ts')).baseline,
  },
  repair: {
    summary: 'put the history right, one name at a time; the reason is kept in it',
    flags: {
      accept: { value: 'name', summary: 'the file as it is now is what was applied' },
      forget: {
        value: 'name',
        summary: 'take it, or a seed, out of the history; when its file is there it runs again',
      },
      done: { value: 'name', summary: 'it is done, whoever did it; for what stopped half way' },
      'not-done': { value: 'name', summary: 'what stopped half way is to run again from its beginning' },
      environment: {
        value: 'name',
        summary: 'what this database is from now on, as UPFRONT_ENV; production guards it',
      },
      reason: { value: 'text', summary: 'why, for whoever reads the history later; required' },
      'against-catalog': { summary: 'although what it creates is not there (or, to run it again, is there)' },
    },
    database: true,
    load: async () => (await import('./repair.ts')).repair,
  },
  plan: {
    summary: 'the SQL that up would run, in order and how; touches nothing',
    flags: { to: { value: 'name', summary: 'as up --to would' }, json: { summary: 'as data' } },
    database: true,
    load: async () => (await import('./plan.ts')).plan,
  },
  rehearse: {
    summary: 'run what is pending where it does no harm: locks, rewrites, times, and whether it is a danger',
    flags: {
      to: { value: 'name', summary: 'the last one to rehearse' },
      clone: { summary: 'in a copy of the target on its server, with all rows, in place of an empty shadow' },
      'on-target': { summary: 'in one transaction of the target, which is rolled back' },
      large: { value: 'size', summary: 'from where on a table is large (256MB)' },
      long: { value: 'duration', summary: 'for how long others may be kept waiting (5s); --on-target ends then' },
      'allow-danger': { summary: 'leave with 0 although there is a danger' },
      json: { summary: 'as data' },
      markdown: { summary: 'as a comment for a pull request' },
      html: { value: 'file', summary: 'also as a page, with a timeline' },
    },
    database: true,
    load: async () => (await import('./rehearse.ts')).rehearse,
  },
  down: {
    summary: 'take the newest migration back',
    flags: {
      step: { value: 'n', summary: 'that many' },
      to: { value: 'name', summary: 'all after this one' },
      ...consentFlag,
    },
    database: true,
    load: async () => (await import('./down.ts')).down,
  },
  redo: {
    summary: 'take the newest migration back and apply it again',
    flags: consentFlag,
    database: true,
    load: async () => (await import('./redo.ts')).redo,
  },
  reset: {
    summary: 'drop what the migrations have made, and run them again',
    flags: consentFlag,
    database: true,
    load: async () => (await import('./reset.ts')).reset,
  },
  wait: {
    summary: 'wait until the database has every migration of this bundle; only reads',
    flags: {
      hold: {
        summary: 'then keep a lease for this version until SIGTERM, so that nobody contracts under it; writes that',
      },
      'ready-file': { value: 'path', summary: 'with --hold: a file that is there while the lease is held' },
    },
    database: true,
    load: async () => (await import('./wait.ts')).wait,
  },
  verify: {
    summary: 'hold the live schema against the one that the migrations make; only reads',
    flags: { json: { summary: 'as data' } },
    database: true,
    load: async () => (await import('./verify.ts')).verify,
  },
  fleet: {
    summary: 'the same for every database or schema of a fleet: fleet up, status, plan, wait, verify',
    operands: ['command'],
    flags: {
      only: { value: 'names', summary: 'these tenants or groups, with commas' },
      parallel: { value: 'n', summary: 'so many at once (UPFRONT_FLEET_PARALLEL)' },
      canary: { value: 'names', summary: 'these, or so many, come first; the rest only when none of them failed' },
      'max-failed': { value: 'n', summary: 'stop when more have failed, as a number or with a %' },
      json: { summary: 'the summary as data' },
      'exit-code': { summary: 'with status: leave with 34 when some are not done' },
    },
    database: 'if named',
    load: async () => (await import('./fleet.ts')).fleet,
  },
  seed: {
    summary: 'apply the seeds of the environment that --seed names',
    database: true,
    load: async () => (await import('./seed.ts')).seed,
  },
  compile: {
    summary: 'check every migration and seed with the parser of Postgres, and write them as a bundle',
    flags: {
      out: { value: 'dir', summary: 'write <dir>/migrations and <dir>/seeds; without it nothing is written' },
      json: { summary: 'what was found as data' },
      deny: { summary: 'warnings of squawk are errors' },
      'keep-unrunnable': {
        summary: 'a file of another tool that cannot run is kept as known, and refused only while it is pending',
      },
      schema: {
        summary:
          'run every migration, its down and itself again on an empty server; the bundle has the schema that they make',
      },
      before: {
        value: 'file',
        summary: 'with --schema: SQL that comes first, for what the platform makes (roles, schemas)',
      },
      'allow-existing': {
        summary: 'write what is found now into upfront.allow, so that from now on only new files are judged',
      },
    },
    database: false,
    load: async () => (await import('./compile.ts')).compile,
  },
  new: {
    summary: 'make the next migration, with its down',
    operands: ['name'],
    database: false,
    load: async () => (await import('./new.ts')).newMigration,
  },
  help: { summary: 'this text', database: false, load: async () => (await import('./help.ts')).help },
  version: { summary: 'the version', database: false, load: async () => (await import('./version.ts')).printVersion },
}
