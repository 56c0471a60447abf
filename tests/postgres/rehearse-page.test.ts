// The page in a real browser: what it shows, and that nothing of a name becomes anything but text.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect } from 'vitest'
import { test } from '../support/database.ts'
import { shadowed } from '../support/rehearse.ts'

const browser = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => !spawnSync(name, ['--version']).error)
// In CI a missing browser is a failure, because there it was installed.
const isSkipped = browser === undefined && process.env['CI'] === undefined

const hostile = `<script>document.title = 'owned'</script><img src="http://127.0.0.1:9/x" onerror="document.title='owned'">`
// At most 63 bytes, the most that Postgres keeps of a name.
const table = `"<img src=x onerror=alert(1)>'&"`

function dump(path: string, profile: string): string {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`, '--enable-logging=stderr']
  return execFileSync(browser!, [...flags, '--dump-dom', pathToFileURL(path).href], { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'ignore'] }) // prettier-ignore
}

describe.skipIf(isSkipped)('with a browser (chromium; not installed here, so skipped unless in CI)', () => {
  test('the page shows verdict, timeline and schema, and hostile names are text', async ({ db }) => {
    const before = { '001_a.sql': `create table ${table} (id int, a int); create table ok (id int);` }
    db.files(before)
    await db.up()
    db.files({
      ...before,
      '002_h.sql': `alter table ok add x int;\nalter table ${table} alter a type bigint;\ncomment on table ${table} is '${hostile.replaceAll("'", "''")}';\nselect '${hostile.replaceAll("'", "''")}\u202e';`,
    })
    const page = join(db.dir, 'page.html')
    const { exitCode, stderr } = await db.run(['rehearse', '--html', 'page.html', '--large', '0bytes'], shadowed(db))
    expect(exitCode, stderr).toBe(28)
    const source = readFileSync(page, 'utf8')
    // Nothing is loaded, and nothing could be.
    const tags = source.match(/<[^>]*>/g)!
    const allowed =
      /^<\/?(!doctype|html|head|meta|title|style|body|main|h1|h2|p|div|span|section|table|thead|tbody|tr|th|td|pre|code|br|strong|b|ul|li|svg|line|rect|text)\b/
    expect(tags.filter((tag) => !allowed.test(tag))).toEqual([])
    // In a quoted attribute a name is text as well.
    const bare = tags.map((tag) => tag.replace(/"[^"]*"/g, '""'))
    expect(bare.filter((tag) => /\s(on\w+|src|href|style)=/i.test(tag))).toEqual([])
    expect(source).not.toMatch(/url\(|@import/i)
    expect(source).toContain("default-src 'none'")
    expect(source).not.toContain('\u202e')

    const dom = dump(page, join(db.dir, 'profile'))
    expect(dom).toContain('<title>Rehearsal: danger</title>')
    expect(dom).not.toMatch(/<script|<img|<iframe/i)
    expect(dom).toContain('&lt;script&gt;document.title')
    // The style is let in by its hash: a browser that had refused it would not have made these red.
    expect(dom.match(/<rect class="everybody"/g)!.length).toBeGreaterThanOrEqual(2)
    expect(dom).toContain('ACCESS EXCLUSIVE public.')
    expect(dom).toMatch(/<li class="added"><b>new<\/b> <code>column public\.ok\.x: integer/)
    expect(dom).toMatch(/rewrites public\."&lt;img src=x onerror=alert\(1\)&gt;'&amp;"/)
  })

  test('its style is applied, and a policy that lets nothing in leaves it readable', async ({ db }) => {
    db.files({ '001_a.sql': 'create table a (id int);' })
    const { exitCode } = await db.run(['rehearse', '--html', 'page.html'], shadowed(db))
    expect(exitCode).toBe(0)
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(db.dir, 'profile')}`, '--window-size=900,600'] // prettier-ignore
    const shot = join(db.dir, 'page.png')
    const { stderr } = spawnSync(browser!, [...flags, '--enable-logging=stderr', `--screenshot=${shot}`, pathToFileURL(join(db.dir, 'page.html')).href], { encoding: 'utf8', timeout: 60_000 }) // prettier-ignore
    expect(existsSync(shot)).toBe(true)
    expect(stderr).not.toMatch(/Content Security Policy|Refused to/)
  })
})

test('a page that cannot be written is said, with 2', async ({ db }) => {
  db.files({ '001_a.sql': 'create table a (id int);' })
  const { exitCode, stderr } = await db.run(['rehearse', '--html', 'nowhere/page.html'], shadowed(db))
  expect(exitCode).toBe(2)
  expect(stderr).toContain('--html: nowhere/page.html cannot be written')
})
