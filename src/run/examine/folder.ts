import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { manifestFile } from '../../bundle/manifest.ts'
import type { Failure } from '../../errors.ts'
import { chooseLayout } from '../../folder/layouts/choose.ts'
import { viewFolder } from '../../folder/layouts/folder-view.ts'
import { listEnvironments } from '../../folder/seeds.ts'
import { type Bundle, type Format, type SeedBundle, formats } from '../../migration.ts'
import { migrationsFolderOf, openMigrationsOf, openSeedsOf, showPath } from '../folders.ts'
import type { Run } from '../run.ts'
import { attempt, failuresOf } from './attempt.ts'
import { type Elsewhere, findElsewhere } from './elsewhere.ts'
import { type FindingsOfRule, findAll } from './findings.ts'
import { markOf } from './marks.ts'

/** What the folders say without a server. */
export interface ExaminedFolder {
  readonly shown: string
  readonly isThere: boolean
  /** A bundle was checked when it was compiled. */
  readonly isCompiled: boolean
  /** Whose it is, and what tells so; null when there is none, or nobody can tell. */
  readonly whose: { readonly format: Format; readonly by: string } | null
  /** What tells of whom, where several could be meant. */
  readonly marks: readonly (readonly [Format, string])[]
  readonly migrations: number | null
  readonly repeatable: number
  readonly seeds: ExaminedSeeds | null
  readonly findings: readonly FindingsOfRule[]
  /** Migrations at the usual places; looked for only when this folder has none. */
  readonly elsewhere: readonly Elsewhere[]
  /** As up opens them; null when it would refuse them at once. */
  readonly bundle: Bundle | null
  readonly seedBundle: SeedBundle | null
  /** What up would end with before it has contacted the database. */
  readonly failures: readonly Failure[]
}

export interface ExaminedSeeds {
  readonly shown: string
  readonly isCompiled: boolean
  /** null for a bundle, and when they cannot be listed. */
  readonly count: number | null
  readonly environments: readonly string[]
}

/** Reads both folders as up and compile do; what is wrong with them is in the answer. */
export async function examineFolder(run: Run): Promise<ExaminedFolder> {
  const { dir, shown } = migrationsFolderOf(run)
  const opened = await attempt(run, () => openMigrationsOf(run))
  const openedSeeds = await attempt(run, () => openSeedsOf(run))
  const bundle = 'done' in opened ? opened.done : null
  const found = await findAll(run)
  const migrations = bundle === null ? found.migrations : (await bundle.list()).length
  return {
    shown,
    isThere: existsSync(dir),
    isCompiled: isCompiled(dir),
    ...(await tellWhose(run, bundle)),
    migrations,
    repeatable: (await bundle?.listRepeatable())?.length ?? 0,
    seeds: lookAtSeeds(run, found.seeds),
    findings: found.rules,
    elsewhere: migrations === null ? await findElsewhere(run) : [],
    bundle,
    seedBundle: 'done' in openedSeeds ? openedSeeds.done : null,
    failures: failuresOf([opened, openedSeeds]),
  }
}

async function tellWhose(run: Run, bundle: Bundle | null): Promise<Pick<ExaminedFolder, 'whose' | 'marks'>> {
  const { dir, shown, format: asked } = migrationsFolderOf(run)
  if (isCompiled(dir)) return { whose: bundle && { format: bundle.format, by: 'as its manifest.json says' }, marks: [] }
  if (!existsSync(dir)) return { whose: null, marks: [] }
  const folder = viewFolder(dir)
  const chosen = await attempt(run, () => chooseLayout(folder, asked, shown))
  if (!('done' in chosen)) {
    const { next = '' } = chosen.failure.facts
    const marks = formats.flatMap((format): [Format, string][] => {
      const mark = next.includes(`UPFRONT_FORMAT=${format}`) ? markOf(format, folder) : null
      return mark === null ? [] : [[format, mark]]
    })
    return { whose: null, marks }
  }
  const { format } = chosen.done
  if (asked !== 'auto') return { whose: { format, by: 'as UPFRONT_FORMAT says' }, marks: [] }
  const mark = markOf(format, folder)
  return { whose: { format, by: mark === null ? 'without a mark of another tool' : `by ${mark}` }, marks: [] }
}

function lookAtSeeds(run: Run, count: number | null): ExaminedSeeds | null {
  const { seedsDir: dir } = run.config
  if (!existsSync(dir)) return null
  const compiled = isCompiled(dir)
  return {
    shown: showPath(run, dir),
    isCompiled: compiled,
    count,
    environments: compiled || count === null ? [] : listEnvironments(dir),
  }
}

function isCompiled(dir: string): boolean {
  return existsSync(join(dir, manifestFile))
}
