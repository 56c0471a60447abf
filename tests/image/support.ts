// `test` for images: a laboratory with a Postgres server for each file, and a database for each test.
import { test as base } from 'vitest'
import { type Lab, withLab } from './lab.ts'
import { type Server, startServer } from './server.ts'

/** Each is made when a test first names it. */
export const test = base
  .extend<{ $file: { lab: Lab; server: Server } }>({
    // oxlint-disable-next-line no-empty-pattern -- Vitest reads from the pattern what a fixture needs.
    lab: [async ({}, use) => withLab(use), { scope: 'file' }],
    server: [async ({ lab }, use) => use(await startServer(lab)), { scope: 'file' }],
  })
  .extend('db', ({ server }) => server.createDatabase())
