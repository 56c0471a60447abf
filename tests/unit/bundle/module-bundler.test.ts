import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openMigrations } from '../../../src/bundle/manifest.ts'
import { checkMigrationsFolder } from '../../../src/bundle/pack-folder.ts'
import { writeMigrations } from '../../../src/bundle/write.ts'
import { openAll } from '../../support/open-all.ts'

let dir: string
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'upfront-test-'))
})
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }))

const source = () => join(dir, 'source')

function write(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(join(source(), name, '..'), { recursive: true })
    fs.writeFileSync(join(source(), name), text)
  }
}

async function findings(files: Record<string, string>): Promise<string[]> {
  write(files)
  const { problems } = await checkMigrationsFolder({ dir: source(), shown: 'm', format: 'auto' })
  return problems.map(({ place, rule, what }) => `${place?.file}:${place?.line}:${place?.column} ${rule} ${what}`)
}

const migration = `import type { ClientBase } from 'pg'
import { type Pool, type Client } from 'pg'
import { table } from './lib/names.ts'
import   defaults, * as all from "./lib/names.ts"
export { table as other } from './lib/names.ts'
import './lib/effect.js'
import { createHash } from 'node:crypto'
import fs from 'fs'

export async function up(client: ClientBase): Promise<void> {
  const { late } = await import('./lib/late.mts')
  await client.query(\`create table \${table} (id int)\`, [late, defaults, all, createHash, fs] as unknown[])
}
`
const library = {
  'lib/names.ts': `import { late } from './late.mts'\nexport const table: string = 'from_' + late\nexport default 1\n`,
  'lib/late.mts': `export const late = 'late' as const\n`,
  'lib/effect.js': `// from './nowhere.ts'\n/* import x from 'nowhere' */\nconst text = "x"\nexport { text }\n`,
}

describe('a module and what it imports', () => {
  beforeEach(async () => {
    write({ '1_a.ts': migration, ...library })
    await writeMigrations(source(), join(dir, 'out'))
  })

  test('are JavaScript in the bundle, line by line what they were', async () => {
    const names = fs.readdirSync(join(dir, 'out'), { recursive: true }).map(String).toSorted()
    expect(names).toEqual([
      '1_a.js',
      'lib',
      'lib/effect.js',
      'lib/late.mjs',
      'lib/names.js',
      'manifest.json',
      'package.json',
    ])
    const code = fs.readFileSync(join(dir, 'out/1_a.js'), 'utf8')
    expect(code).not.toContain('ClientBase')
    expect(code).not.toContain(`'pg'`)
    expect(code.split('\n').findIndex((line) => line.includes('export async function up'))).toBe(9)
    const [first] = await openAll(openMigrations(join(dir, 'out')))
    expect(first!.script).toMatchObject({ kind: 'module', path: join(dir, 'out/1_a.js') })
    const loaded = (await import(first!.script.kind === 'module' ? first!.script.path : '')) as { other: string }
    expect(loaded.other).toBe('from_late')
  })

  test.each(['1_a.js', 'lib/names.js', 'lib/late.mjs', 'lib/effect.js'])(
    'are verified before they run: %s',
    async (name) => {
      const [first] = await openAll(openMigrations(join(dir, 'out')))
      const verify = () => first!.script.kind === 'module' && first!.script.verify!()
      expect(verify).not.toThrow()
      fs.appendFileSync(join(dir, 'out', name), '\n')
      expect(verify).toThrow('is damaged')
      fs.rmSync(join(dir, 'out', name))
      expect(verify).toThrow('is damaged')
    },
  )

  test('are the same bytes each time', async () => {
    await writeMigrations(source(), join(dir, 'again'))
    for (const name of ['1_a.js', 'lib/names.js', 'manifest.json', 'package.json'])
      expect(fs.readFileSync(join(dir, 'again', name), 'utf8')).toBe(fs.readFileSync(join(dir, 'out', name), 'utf8'))
  })

  test('leave nothing behind that is not theirs any more', async () => {
    write({ '1_a.ts': `export async function up() {}\n` })
    await writeMigrations(source(), join(dir, 'out'))
    expect(fs.readdirSync(join(dir, 'out')).toSorted()).toEqual(['1_a.js', 'manifest.json', 'package.json'])
  })
})

describe('what the image does not have is refused', () => {
  test.each([
    [`import { x } from 'left-pad'\n`, '1:20', 'the package left-pad'],
    [`import x from '@scope/name'\n`, '1:16', 'the package @scope/name'],
    [`\nimport 'side-effect'\n`, '2:9', 'the package side-effect'],
    [`export * from 'left-pad'\n`, '1:16', 'the package left-pad'],
    [`import {\n  a,\n  b,\n} from 'left-pad'\n`, '4:9', 'the package left-pad'],
    [`export const up = async () => await import('left-pad')\n`, '1:45', 'the package left-pad'],
    [`import { x, type Y } from 'pg'\n`, '1:28', 'the package pg'],
    [`import x from './nowhere.ts'\n`, '1:16', './nowhere.ts is no file'],
    [`import x from './lib'\n`, '1:16', './lib is no file'],
    [`import x from '../outside.ts'\n`, '1:16', '../outside.ts is outside of the folder'],
  ])('%j', async (code, place, what) => {
    fs.writeFileSync(join(dir, 'outside.ts'), 'export default 1')
    const found = await findings({ '1_a.ts': code, ...library })
    expect(found).toEqual([expect.stringMatching(`^m/1_a\\.ts:${place} module `)])
    expect(found[0]).toContain(what)
  })

  test('in what is imported as well, once for all that import it', async () => {
    const found = await findings({
      '1_a.ts': `import './lib/x.ts'\n`,
      '2_b.ts': `import './lib/x.ts'\n`,
      'lib/x.ts': `import 'left-pad'\n`,
    })
    expect(found).toEqual([expect.stringContaining('m/lib/x.ts:1:9 module')])
  })

  test.each([
    `import type { X } from 'left-pad'\n`,
    `import { type X, type Y } from 'left-pad'\n`,
    `export type { X } from 'left-pad'\n`,
    `// import x from 'left-pad'\n`,
    `/*\nimport x from 'left-pad'\n*/\n`,
    `const sql = "select * from 'left-pad'"\n`,
    `import { readFile } from 'node:fs/promises'\nimport path from 'path'\n`,
  ])('%j needs nothing', async (code) => {
    expect(await findings({ '1_a.ts': code })).toEqual([])
  })
})

test.each([
  'enum A { b }\n',
  'namespace a { export const b = 1 }\n',
  'class A { constructor(readonly b: number) {} }\n',
  'export const up = (\n',
])('TypeScript that stripping does not make JavaScript of is refused: %j', async (code) => {
  expect(await findings({ '1_a.ts': code })).toEqual([expect.stringContaining('m/1_a.ts:1:1 module')])
})
