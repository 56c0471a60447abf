import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { renderGenerated } from '../../scripts/docs/tables.ts'
import { commands } from '../../src/commands/index.ts'
import { failures } from '../../src/errors.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Every document of the repository, by its path below the root. */
const documents = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)))

test('the tables of the README are what the code says (npm run docs writes them)', () => {
  const readme = read('README.md')
  expect(readme).toBe(renderGenerated(readme))
  for (const table of ['settings', 'commands', 'exit codes', 'events']) {
    expect(readme).toContain(`<!-- generated: ${table} -->`)
  }
})

test('the table of what may be allowed is what the code says', () => {
  const checks = read('docs/checks.md')
  expect(checks).toBe(renderGenerated(checks))
  expect(checks).toContain('<!-- generated: what may be allowed -->')
})

test('every way to fail has a heading of its own in docs/errors.md, which says its exit code', () => {
  const sections = new Map(
    read('docs/errors.md')
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')), section]),
  )
  const interrupted = ['INTERRUPTED_INT', 'INTERRUPTED_TERM']
  for (const [name, { exit }] of Object.entries(failures)) {
    if (interrupted.includes(name) && !sections.has(name)) continue
    expect([...sections.keys()]).toContain(name)
    expect(sections.get(name)).toMatch(new RegExp(`Exit ${exit}\\b`))
  }
})

test('every command is in the README', () => {
  for (const name of Object.keys(commands)) expect(read('README.md')).toContain(`| \`${name}`)
})

test.each(documents)('the links in %s lead somewhere', (document) => {
  const text = read(document).replaceAll(/^```[^]*?^```/gm, '')
  const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^(https?|mailto):/.test(link)) return []
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? join(root, document) : resolve(join(root, dirname(document)), path)
    if (!existsSync(target)) return [link]
    if (anchor === undefined || statSync(target).isDirectory()) return []
    return anchorsOf(readFileSync(target, 'utf8')).has(anchor) ? [] : [link]
  })
  expect(broken).toEqual([])
})

/** As the forges make them of headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replaceAll(/^```[^]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)
  return new Set(
    [...headings].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test('every rule of the compiler has its heading in docs/checks.md', () => {
  const source = read('src/checks/finding.ts')
  const union = /export type Rule =([\s\S]*?)\n\n/.exec(source)![1]!
  const rules = [...union.matchAll(/'([a-z-]+)'/g)].map(([, rule]) => rule)
  const headings = [...read('docs/checks.md').matchAll(/^## (.+)$/gm)].map(([, title]) => title)
  expect(rules.length).toBeGreaterThan(8)
  expect(rules.filter((rule) => !headings.includes(rule))).toEqual([])
})
