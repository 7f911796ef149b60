import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    // Integration tests start servers and clients; what they wait for is bounded by their own time limits.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
