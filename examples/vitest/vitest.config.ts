import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Waits for a server, or starts one; migrates; seeds; gives the tests its URL.
  test: { globalSetup: 'upfront/vitest' },
})
