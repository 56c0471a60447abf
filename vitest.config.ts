import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Tests with a server mostly wait: two at once even where there is one processor to spare.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'] } },
      {
        test: {
          name: 'postgres',
          include: ['tests/postgres/**/*.test.ts'],
          globalSetup: 'tests/support/cluster.ts',
          // Most tests take a tenth of a second; this is for a machine that is busy with others.
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'torture',
          // `npm test` runs a short form, `npm run test:torture` all of it.
          include: [
            `tests/torture/${process.env['TORTURE'] === 'full' ? '*' : '{enumeration,failing,silence,two-servers,herd,pgbouncer,fleet,fleet-walks,rollouts}'}.test.ts`,
          ],
          globalSetup: 'tests/torture/harness/setup.ts',
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'image',
          include: ['tests/image/**/*.test.ts'],
          // One engine, one build: they would only be in each other's way.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
})
