// What somebody lets pass: in a file, beside it, and for all that was there before.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderForEachTest } from '../../support/folder.ts'
import { runMain } from '../../support/run.ts'

const folder = folderForEachTest()
const { files, read } = folder

const compile = (...flags: string[]) =>
  runMain({ argv: ['compile', ...flags], env: { UPFRONT_TERMINATION_LOG: '' }, cwd: folder.dir })

async function compileJson(...flags: string[]) {
  const { exitCode, stdout } = await compile('--json', ...flags)
  const answer = JSON.parse(stdout) as Record<'problems' | 'warnings' | 'notices', { what: string; next?: string; rule?: string; name?: string; place?: { file: string; line: number } }[]> // prettier-ignore
  const brief = (list: (typeof answer)['problems']) =>
    list.map(({ rule, place }) => `${place?.file}:${place?.line} ${rule}`)
  return {
    ...answer,
    exitCode,
    brief: { problems: brief(answer.problems), warnings: brief(answer.warnings), notices: brief(answer.notices) },
  }
}

const long = 'n'.repeat(70)
const table = `create table ${long} (id bigint);\n`

test('a finding that may be allowed ends with the exact words for it', async () => {
  files({ 'migrations/1_a.sql': table })
  const { problems, exitCode } = await compileJson()
  expect(exitCode).toBe(20)
  expect(problems[0]).toMatchObject({ rule: 'long-name', name: '1_a' })
  expect(problems[0]!.next).toMatch(
    /To allow it: the comment "-- upfront:allow long-name <why>" before the file's first statement, or the line "long-name 1_a <why>" in migrations\/upfront\.allow\.$/,
  )
})

test('a comment allows it in its file, which is told as a notice once', async () => {
  files({ 'migrations/1_a.sql': `-- upfront:allow long-name made by a generator\n${table}select 1 as ${long}_b;\n` })
  const { brief, notices, exitCode } = await compileJson()
  expect(exitCode).toBe(0)
  expect(brief).toEqual({ problems: [], warnings: [], notices: ['migrations/1_a.sql:2 long-name'] })
  expect(notices[0]!.what).toMatch(/^long-name is allowed here \(made by a generator\): the name n+ .* and 1 more$/)
  const { stdout } = await runMain({ argv: ['compile'], env: { GITHUB_ACTIONS: 'true' }, cwd: folder.dir })
  expect(stdout).toContain('::notice file=migrations/1_a.sql,line=2,col=14,title=long-name::long-name is allowed here')
})

test('upfront.allow allows it for one file or for all, and says nothing of others', async () => {
  files({
    'migrations/1_a.sql': table,
    'migrations/2_b c.sql': table,
    'migrations/3_d.sql': table,
    'migrations/upfront.allow': '# known\r\n\r\nlong-name  1_a.sql   old\r\nlong-name 2_b c generated\r\n',
  })
  expect((await compileJson()).brief).toEqual({ problems: ['migrations/3_d.sql:1 long-name'], warnings: [], notices: ['migrations/1_a.sql:1 long-name', 'migrations/2_b c.sql:1 long-name'] }) // prettier-ignore
  files({ 'migrations/upfront.allow': 'long-name * all are generated\n' })
  expect((await compileJson()).exitCode).toBe(0)
})

test.each([
  ['long-name', 'is allowed without a why', 'Write: -- upfront:allow long-name <why>'],
  ['long-names because', 'there is no rule "long-names"', 'Did you mean long-name?'],
  ['', 'there is no rule ""', 'There are long-name, enum-value'],
  ['alone because', 'alone may not be allowed: Postgres refuses it', 'Mend what it finds.'],
  ['transaction-control because', 'may not be allowed: a part of the file would stay', 'Mend what it finds.'],
])('the comment "-- upfront:allow %s" is a mistake: %s', async (said, what, next) => {
  files({ 'migrations/1_a.sql': `\n-- upfront:allow ${said}\nselect 1;\n` })
  const { problems, brief } = await compileJson()
  expect(brief.problems).toEqual(['migrations/1_a.sql:2 allow'])
  expect(problems[0]!.what).toContain(what)
  expect(problems[0]!.next).toContain(next)
})

test.each([
  ['long-name', 'does not say for which file', 'Write: <rule> <migration or *> <why>'],
  ['long-name 1_a', '"long-name" is allowed without a why', 'Write: long-name 1_a <why>'],
  ['long-nam 1_a because', 'there is no rule "long-nam"', 'Did you mean long-name?'],
  ['syntax 1_a because', 'syntax may not be allowed: Postgres would refuse it as well', 'Mend what it finds.'],
])('the line "%s" in upfront.allow is a mistake: %s', async (line, what, next) => {
  files({ 'migrations/1_a.sql': 'select 1', 'migrations/upfront.allow': `# first\n${line}\n` })
  const { problems, brief } = await compileJson()
  expect(brief.problems).toEqual(['migrations/upfront.allow:2 allow'])
  expect(problems[0]!.what).toContain(what)
  expect(problems[0]!.next).toContain(next)
})

test('what lets nothing pass is a warning, with its place', async () => {
  files({
    'migrations/1_a.sql': '-- upfront:allow enum-value once\ncreate table a (id bigint);\n',
    'migrations/upfront.allow': 'long-name 1_a old\nlong-name 1_b old\n',
  })
  const { brief, warnings, exitCode } = await compileJson()
  expect(exitCode).toBe(0)
  expect(brief.warnings.toSorted()).toEqual([
    'migrations/1_a.sql:1 allow',
    'migrations/upfront.allow:1 allow',
    'migrations/upfront.allow:2 allow',
  ])
  expect(warnings.find(({ what }) => what === 'there is no 1_b')!.next).toBe('Did you mean 1_a?')
})

test('a name that only the server will see may be allowed before', async () => {
  files({
    'migrations/1_a.sql': `-- upfront:allow long-name it is put together\ndo $$ begin execute 'select 1' ; end $$;\n`,
    'migrations/2_b.ts': `export const up = async () => {}\n`,
    'migrations/upfront.allow': 'long-name 2_b it is put together\n',
  })
  expect((await compileJson()).brief).toEqual({ problems: [], warnings: [], notices: [] })
})

test('--allow-existing lets pass what is found now, and nothing that comes later', async () => {
  files({
    'migrations/1_a.sql': table,
    'migrations/2_b.sql': `alter type mood add value 'x';\nselect 'x'::mood;\n`,
    'migrations/3_c.sql': `create function f() returns int language plpgsql as $$ begin retrn 1; end $$;\n`,
    'migrations/4_d.sql': `select 1;\n-- upfront:down\nselect 1 as ${long};\n`,
    'seeds/demo/1_s.sql': `select 1 as ${long};\n`,
  })
  expect((await compileJson()).problems).toHaveLength(5)
  const { exitCode, stderr } = await compile('--allow-existing', '--out', 'bundle')
  expect(exitCode).toBe(0)
  expect(stderr).toContain('migrations/upfront.allow: 4 lines were added')
  const today = new Date().toISOString().slice(0, 10)
  expect(read('migrations/upfront.allow').split('\n').slice(1)).toEqual([
    `long-name 1_a existed on ${today}`,
    `enum-value 2_b existed on ${today}`,
    `function-body 3_c existed on ${today}`,
    `long-name 4_d existed on ${today}`,
    '',
  ])
  expect(read('seeds/upfront.allow').split('\n').slice(1)).toEqual([`long-name demo/1_s.sql existed on ${today}`, ''])
  const first = read('migrations/upfront.allow')
  expect((await compile('--allow-existing')).exitCode).toBe(0)
  expect(read('migrations/upfront.allow')).toBe(first)
  files({ 'migrations/5_e.sql': table })
  expect((await compileJson()).brief.problems).toEqual(['migrations/5_e.sql:1 long-name'])
  const manifest = read('bundle/migrations/manifest.json')
  expect(manifest).toContain('"allow":["long-name"]')
  expect(fs.existsSync(join(folder.dir, 'bundle/migrations/upfront.allow'))).toBe(false)
  expect(read('bundle/migrations/4_d.down.sql')).toMatch(
    /^\n-- upfront:down\n[^]*\n-- upfront:allow long-name existed on/,
  )
})

test('--allow-existing keeps what a person has written, and lets nothing pass that cannot run', async () => {
  files({
    'migrations/1_a.sql': table,
    'migrations/2_b.sql': `selct 1;\n`,
    'migrations/3_c.sql': `create table t (id bigint);\nselect 1 as ${long};\n`,
    'migrations/upfront.allow': '# ours\nlong-name 1_a   made by a generator',
  })
  const { exitCode, stderr } = await compile('--allow-existing')
  expect(exitCode).toBe(20)
  expect(stderr).toContain('a problem in migrations; no bundle was written')
  expect(read('migrations/upfront.allow')).toMatch(
    /^# ours\nlong-name 1_a   made by a generator\nlong-name 3_c existed on \d{4}-\d\d-\d\d\n$/,
  )
  files({ 'migrations/upfront.allow': 'long-name 1_a\n' })
  expect((await compile('--allow-existing')).exitCode).toBe(20)
  expect(read('migrations/upfront.allow')).toBe('long-name 1_a\n')
})

test('what squawk warns of is allowed by the same means', async () => {
  files({
    'migrations/1_a.sql': `-- upfront:allow squawk/ban-drop-table nobody has used it for a year\ndrop table t;\n`,
    'migrations/2_b.sql': `drop table u;\n`,
  })
  const denied = await compileJson('--deny')
  expect(denied.brief.problems).toEqual(['migrations/2_b.sql:1 squawk/ban-drop-table'])
  expect(denied.brief.notices).toEqual([
    'migrations/1_a.sql:2 needs-contract',
    'migrations/2_b.sql:1 needs-contract',
    'migrations/1_a.sql:2 squawk/ban-drop-table',
  ])
  expect((await compile('--deny', '--allow-existing')).exitCode).toBe(0)
  expect(read('migrations/upfront.allow')).toContain('squawk/ban-drop-table 2_b existed on')
})

test('a large file may be allowed as well', async () => {
  const rows = `insert into t values (1, '${'x'.repeat(1000)}');\n`.repeat(1_100)
  files({ 'migrations/1_a.sql': rows + table, 'migrations/2_b.sql': `-- upfront:allow long-name old\n${rows}${table}` })
  expect((await compileJson()).brief.problems).toEqual(['migrations/1_a.sql:1101 long-name'])
  files({ 'migrations/upfront.allow': 'long-name 1_a old\n' })
  expect((await compileJson()).exitCode).toBe(0)
})
