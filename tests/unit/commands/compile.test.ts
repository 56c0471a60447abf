import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderForEachTest } from '../../support/folder.ts'
import { runMain } from '../../support/run.ts'

const folder = folderForEachTest()
const { files } = folder

const compile = (flags: string[] = [], env: Record<string, string> = {}) =>
  runMain({ argv: ['compile', ...flags], env: { UPFRONT_TERMINATION_LOG: '', ...env }, cwd: folder.dir })

const good = {
  'migrations/1_a.sql': 'create table a (id bigint)',
  'migrations/2_b.sql': 'begin;\nselect 1;\ncommit;\n',
  'migrations/2_b.down.sql': 'select 2',
  'seeds/1_c.sql': `insert into a values (1)`,
  'seeds/demo/2_d.csv': '',
  'seeds/demo/2_a.csv': 'id\n2\n',
}

const wrong = {
  'migrations/1_a.sql': 'creat table a ();\n\tselct 1, 2;\n',
  'migrations/2_b.sql': '\\connect other\n',
  'migrations/3_c.ts': `import { x } from 'left-pad'\nexport const up = x\n`,
  'migrations/oops.sql': '',
  'seeds/1_d.sql': 'vacuum',
  'seeds/demo/2_e.sql': 'commit',
}

function tree(below: string): Record<string, string> {
  const names = fs.readdirSync(join(folder.dir, below), { recursive: true, withFileTypes: true })
  const found = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    found.toSorted().map((path) => [path.slice(folder.dir.length + 1), fs.readFileSync(path, 'utf8')]),
  )
}

test('without --out it only checks', async () => {
  files(good)
  const { exitCode, stdout, stderr } = await compile()
  expect([exitCode, stdout]).toEqual([0, '2 migrations and 3 seeds: no problems\n'])
  expect(stderr).toContain('migrations/2_b.sql:1:1: BEGIN ... COMMIT around the whole file is left out')
  expect(fs.readdirSync(folder.dir).toSorted()).toEqual(['migrations', 'seeds'])
})

test('with --out it writes both folders, the same bytes each time', async () => {
  files(good)
  const { exitCode, stdout } = await compile(['--out', 'bundle'])
  expect([exitCode, stdout]).toEqual([0, '2 migrations and 3 seeds compiled into bundle\n'])
  const first = tree('bundle')
  expect(Object.keys(first)).toEqual([
    'bundle/migrations/1_a.sql',
    'bundle/migrations/2_b.down.sql',
    'bundle/migrations/2_b.sql',
    'bundle/migrations/manifest.json',
    'bundle/seeds/1_c.sql',
    'bundle/seeds/demo/2_a.csv',
    'bundle/seeds/demo/2_d.csv',
    'bundle/seeds/manifest.json',
  ])
  expect((await compile(['--out', 'bundle'])).exitCode).toBe(0)
  expect(tree('bundle')).toEqual(first)
  expect(JSON.stringify(first)).not.toContain(folder.dir)
})

test('a folder without seeds is fine, one without migrations is not', async () => {
  files({ 'migrations/1_a.sql': '' })
  expect((await compile(['--out', 'bundle'])).stdout).toBe('1 migration compiled into bundle\n')
  fs.rmSync(join(folder.dir, 'migrations'), { recursive: true })
  expect(await compile()).toMatchObject({ exitCode: 20, stderr: expect.stringContaining('no migrations folder') })
})

test('every problem of every file is told, and nothing is written', async () => {
  files(wrong)
  const { exitCode, stdout, stderr } = await compile(['--out', 'bundle'])
  expect([exitCode, stdout]).toEqual([20, ''])
  for (const place of ['1_a.sql:1:1', '1_a.sql:2:2', '2_b.sql:1:1', '3_c.ts:1:20'])
    expect(stderr).toContain(`migrations/${place}: `)
  for (const place of ['seeds/1_d.sql:1:1', 'seeds/demo/2_e.sql:1:1']) expect(stderr).toContain(`${place}: `)
  expect(stderr).toContain('migrations/oops.sql is not named like a migration')
  expect(stderr).toContain('7 problems in migrations and seeds; nothing was written')
  expect(stderr).toContain('docs/checks.md#meta-command')
  expect(fs.existsSync(join(folder.dir, 'bundle'))).toBe(false)
})

test('--json has the same as data', async () => {
  files(wrong)
  const { exitCode, stdout } = await compile(['--json'])
  const answer = JSON.parse(stdout)
  expect(exitCode).toBe(20)
  expect(answer).toMatchObject({ ok: false, out: null, warnings: [], notices: [] })
  expect(answer.problems.map(({ rule }: { rule: string }) => rule).toSorted()).toEqual(
    ['file-name', 'syntax', 'syntax', 'meta-command', 'module', 'alone', 'transaction-control'].toSorted(),
  )
  expect(answer.problems).toContainEqual({
    what: 'syntax error at or near "selct"',
    place: { file: 'migrations/1_a.sql', line: 2, column: 2, text: '\tselct 1, 2;' },
    next: expect.any(String),
    rule: 'syntax',
    name: '1_a',
  })
  fs.rmSync(join(folder.dir, 'migrations'), { recursive: true })
  fs.rmSync(join(folder.dir, 'seeds'), { recursive: true })
  files(good)
  const fine = JSON.parse((await compile(['--json', '--out', 'bundle'])).stdout)
  expect(fine).toMatchObject({ ok: true, out: 'bundle', problems: [], migrations: { count: 2 }, seeds: { count: 3 } })
})

test('GitHub Actions gets annotations, with nothing in them that could end one', async () => {
  files({ 'migrations/1_50%, a.sql': 'selct;', 'migrations/2_b.sql': 'begin; select 1; commit' })
  const { exitCode, stdout } = await compile([], { GITHUB_ACTIONS: 'true' })
  expect(exitCode).toBe(20)
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(
    /^::error file=migrations\/1_50%25%2C a\.sql,line=1,col=1,title=syntax::syntax error at or near "selct"%0AMend it/,
  )
  expect(lines[1]).toMatch(/^::notice file=migrations\/2_b\.sql,line=1,col=1,title=transaction-control::/)
  expect((await compile(['--json'], { GITHUB_ACTIONS: 'true' })).stdout).not.toContain('::error')
})

test('no database is asked for, and none is needed', async () => {
  files(good)
  expect((await compile([], { DATABASE_URL: 'nonsense' })).exitCode).toBe(0)
})

test('only a bundle is replaced, and never the source', async () => {
  files({ ...good, 'other/migrations/precious.txt': 'mine' })
  for (const out of ['other', '.']) {
    const { exitCode, stderr } = await compile(['--out', out])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('is not empty, and it is no bundle')
  }
  expect(tree('other')).toEqual({ 'other/migrations/precious.txt': 'mine' })
  expect(tree('migrations')).toHaveProperty(['migrations/1_a.sql'])
})

test('a bundle is not compiled again', async () => {
  files(good)
  await compile(['--out', 'bundle'])
  const { exitCode, stderr } = await compile([], { UPFRONT_MIGRATIONS_DIR: 'bundle/migrations' })
  expect(exitCode).toBe(20)
  expect(stderr).toContain('bundle/migrations is a bundle already')
})
